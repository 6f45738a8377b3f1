# Seconds an iteration of RcppML's nmf: Rscript rcppml.R FOLDER COMPONENTS ITERATIONS THREADS
# FOLDER holds a sparse matrix by columns, as programs.py writes it.
suppressMessages({library(RcppML); library(Matrix)})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
components <- as.integer(arguments[2])
iterations <- as.integer(arguments[3])
RcppML::setRcppMLthreads(as.integer(arguments[4]))

numbers <- function(name, what, size) {
  path <- file.path(folder, name)
  readBin(path, what, file.size(path) / size)
}
shape <- numbers("shape", "integer", 4)
a <- new("dgCMatrix", Dim = shape, p = numbers("indptr", "integer", 4), i = numbers("indices", "integer", 4),
         x = numbers("data", "double", 8))

elapsed <- function(count) {
  system.time(RcppML::nmf(a, components, tol = 0, maxit = count, verbose = FALSE, seed = 1))[["elapsed"]]
}
short <- elapsed(1)
cat((elapsed(1 + iterations) - short) / iterations, "\n")
