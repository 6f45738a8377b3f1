# Finds ScaLAPACK and defines the imported target ScaLAPACK::ScaLAPACK.
# The library itself is looked for first: Debian 12's CMake package points at a file that is not there. The
# CMake package of a build from source is used where no library is found in the usual places.
find_library(ScaLAPACK_LIBRARY NAMES scalapack-openmpi scalapack-mpich scalapack)
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
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libscalapack-openmpi-dev")
