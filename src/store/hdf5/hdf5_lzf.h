/* Reading what h5py wrote with compression="lzf". */
#ifndef DNMF_STORE_HDF5_LZF_H
#define DNMF_STORE_HDF5_LZF_H

/* Makes HDF5 know that compression. Idempotent. local */
void dnmf_hdf5_register_lzf(void);

#endif
