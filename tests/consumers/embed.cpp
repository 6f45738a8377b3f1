// Factorizes a matrix in column order, as C++ and Fortran libraries hold it.
#include <dnmf.h>

#include <cstdio>
#include <vector>

int main(int argc, char **argv) {
  int provided = 0;
  int rank = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int64_t rows = 30;
  const int64_t cols = 20;
  std::vector<double> a(rows * cols); // all of it on process 0
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++)
      a[i + j * rows] = static_cast<double>(i * 7 % 13 + i * j % 11 + j % 3);

  dnmf_library *library = nullptr;
  dnmf_data *data = nullptr;
  dnmf_model *model = nullptr;
  dnmf_dense dense;
  dnmf_fit_settings settings;
  dnmf_result result;
  dnmf_dense_init(&dense);
  dense.rows = rank == 0 ? rows : 0;
  dense.cols = rank == 0 ? cols : 0;
  dense.values = a.data();
  dense.by_columns = true;
  dnmf_fit_settings_init(&settings);
  settings.components = 3;
  settings.seed = 5;
  int status = dnmf_library_create(MPI_COMM_WORLD, &library);
  if (status == DNMF_SUCCESS)
    status = dnmf_data_from_dense(library, rows, cols, &dense, &data);
  if (status == DNMF_SUCCESS)
    status = dnmf_model_fit(library, data, &settings, &model, &result);
  if (rank == 0 && status == DNMF_SUCCESS)
    std::printf("dnmf %s: objective %.15g\n", dnmf_version(), result.objective);
  else if (rank == 0)
    std::fprintf(stderr, "embed: %s\n", dnmf_library_error(library));
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  dnmf_library_destroy(&library);
  MPI_Finalize();
  return status;
}
