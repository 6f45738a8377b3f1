# Finds ScaLAPACK and defines the imported target ScaLAPACK::ScaLAPACK.
# A package configuration (scalapack, from a source build) wins; otherwise the library of the MPI in use.
find_package(scalapack CONFIG QUIET)
if(TARGET scalapack)
  add_library(ScaLAPACK::ScaLAPACK INTERFACE IMPORTED)
  target_link_libraries(ScaLAPACK::ScaLAPACK INTERFACE scalapack)
  set(ScaLAPACK_LIBRARY scalapack)
else()
  find_library(ScaLAPACK_LIBRARY NAMES scalapack-openmpi scalapack-mpich scalapack)
  if(ScaLAPACK_LIBRARY AND NOT TARGET ScaLAPACK::ScaLAPACK)
    add_library(ScaLAPACK::ScaLAPACK UNKNOWN IMPORTED)
    set_target_properties(ScaLAPACK::ScaLAPACK PROPERTIES IMPORTED_LOCATION "${ScaLAPACK_LIBRARY}")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ScaLAPACK REQUIRED_VARS ScaLAPACK_LIBRARY
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libscalapack-openmpi-dev")
