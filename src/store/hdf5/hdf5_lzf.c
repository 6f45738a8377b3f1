/*
 * Reading what h5py wrote with compression="lzf", which HDF5 itself does not know.
 *
 * A chunk is a row of runs. A control byte below 32 is followed by that many bytes and one more, as they are. Any other
 * repeats earlier output: its upper 3 bits are the length less 2 (7: the next byte is added), the lower 5 bits and one
 * more byte the distance less 1. (LibLZF by Marc Lehmann.)
 */
#include "store/hdf5/hdf5_lzf.h"

#include <hdf5.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LZF_FILTER = 32000, LZF_CHUNK_BYTES = 2, LZF_LONGEST_RUN = 264 };

/* Bytes written to `to`, or 0 when `from` is damaged or `room` too small. */
static size_t expand(const uint8_t *from, size_t count, uint8_t *to, size_t room) {
  size_t at = 0;
  size_t used = 0;
  while (at < count) {
    size_t control = from[at++];
    size_t length = control + 1;
    if (control < 32) {
      if (length > count - at || length > room - used)
        return 0;
      memcpy(to + used, from + at, length);
      at += length;
      used += length;
      continue;
    }
    length = control >> 5;
    if (length == 7 && at < count)
      length += from[at++];
    length += 2;
    if (at == count)
      return 0;
    size_t distance = ((control & 31) << 8) + from[at++] + 1;
    if (distance > used || length > room - used)
      return 0;
    for (; length > 0; length--, used++)
      to[used] = to[used - distance];
  }
  return used;
}

/* H5Z_func_t; the third client value is the size of a chunk, and HDF5 relies on so many bytes. It is absent for strings
 * of variable length: then more room is tried, as far as three bytes can stand for the longest run. */
static size_t filter(unsigned flags, size_t value_count, const unsigned *values, size_t bytes, size_t *capacity,
                     void **buffer) {
  if (!(flags & H5Z_FLAG_REVERSE))
    return 0;
  bool known = value_count > LZF_CHUNK_BYTES && values[LZF_CHUNK_BYTES] > 0;
  size_t most = known ? values[LZF_CHUNK_BYTES] : bytes / 3 * LZF_LONGEST_RUN + LZF_LONGEST_RUN;
  size_t room = known ? most : bytes;
  void *expanded = H5allocate_memory(room, false);
  size_t used = expanded ? expand(*buffer, bytes, expanded, room) : 0;
  while (used == 0 && room > 0 && room < most) {
    H5free_memory(expanded);
    room *= 2;
    expanded = H5allocate_memory(room, false);
    used = expanded ? expand(*buffer, bytes, expanded, room) : 0;
  }
  if (used == 0 || (known && used < room)) {
    H5free_memory(expanded);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = expanded;
  *capacity = room;
  return used;
}

void dnmf_hdf5_register_lzf(void) {
  static const H5Z_class2_t lzf = {.version = H5Z_CLASS_T_VERS,
                                   .id = LZF_FILTER,
                                   .encoder_present = 0,
                                   .decoder_present = 1,
                                   .name = "lzf",
                                   .filter = filter};
  H5Zregister(&lzf);
}
