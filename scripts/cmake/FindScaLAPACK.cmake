# Finds the ScaLAPACK that belongs to the MPI library (DNMF_MPI_NAME, see DnmfMPI.cmake) and defines the imported target ScaLAPACK::ScaLAPACK.
# The library itself is looked for first: Debian 12's CMake package points at a file that is not there. The
# CMake package of a build from source is used where no library is found in the usual places.
if(DNMF_MPI_NAME)
  find_library(ScaLAPACK_LIBRARY NAMES scalapack-${DNMF_MPI_NAME} scalapack)
else()
  find_library(ScaLAPACK_LIBRARY NAMES scalapack)
endif()
if(NOT ScaLAPACK_LIBRARY)
  find_package(scalapack CONFIG QUIET)
  if(TARGET scalapack)
    set(ScaLAPACK_LIBRARY scalapack)
  endif()
endif()
if(ScaLAPACK_LIBRARY AND NOT TARGET ScaLAPACK::ScaLAPACK)
  add_library(ScaLAPACK::ScaLAPACK INTERFACE IMPORTED)
  target_link_libraries(ScaLAPACK::ScaLAPACK INTERFACE ${ScaLAPACK_LIBRARY})
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ScaLAPACK REQUIRED_VARS ScaLAPACK_LIBRARY
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libscalapack-openmpi-dev, or libscalapack-mpich-dev")
