# Finds MPI, and tells the finders of HDF5 and ScaLAPACK which builds of these belong to it: both are compiled for one MPI
# library, and a program that mixes two aborts where their handles meet. Debian installs the builds side by side, with
# the MPI library's name behind a dot or a hyphen.
#
# DNMF_MPI names the library; empty, it is the one of mpicc or MPI_C_COMPILER. Sets DNMF_MPI_NAME: openmpi, mpich, or
# empty for any other, whose HDF5 and ScaLAPACK are those that are found first.
if(DNMF_MPI AND NOT MPI_C_COMPILER)
  find_program(MPI_C_COMPILER NAMES mpicc.${DNMF_MPI} REQUIRED)
  find_program(MPIEXEC_EXECUTABLE NAMES mpiexec.${DNMF_MPI} REQUIRED)
endif()
find_package(MPI REQUIRED COMPONENTS C)

# As the header has it, whatever the compiler is called.
include(CheckSymbolExists)
set(CMAKE_REQUIRED_INCLUDES ${MPI_C_INCLUDE_DIRS})
check_symbol_exists(OPEN_MPI mpi.h DNMF_MPI_IS_OPENMPI)
check_symbol_exists(MPICH_VERSION mpi.h DNMF_MPI_IS_MPICH)
unset(CMAKE_REQUIRED_INCLUDES)
set(DNMF_MPI_NAME "")
if(DNMF_MPI_IS_OPENMPI)
  set(DNMF_MPI_NAME openmpi)
elseif(DNMF_MPI_IS_MPICH)
  set(DNMF_MPI_NAME mpich)
endif()
if(DNMF_MPI AND NOT DNMF_MPI STREQUAL DNMF_MPI_NAME)
  message(FATAL_ERROR "DNMF_MPI is ${DNMF_MPI}, but ${MPI_C_COMPILER} is of "
    "${DNMF_MPI_NAME}; configure in a new folder, without MPI_C_COMPILER")
endif()

if(DNMF_MPI_NAME AND NOT HDF5_ROOT AND NOT DEFINED ENV{HDF5_ROOT})
  find_program(HDF5_C_COMPILER_EXECUTABLE NAMES h5pcc.${DNMF_MPI_NAME} h5pcc)
endif()
