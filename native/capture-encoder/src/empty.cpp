// The library is made of pdc_core; CMake wants one source of its own here.
