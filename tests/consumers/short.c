#include <dnmf.h>
#include <stdio.h>

enum { ROWS = 100, COLS = 80 };

int main(int argc, char **argv) {
  static double block[ROWS * COLS]; /* this process's rows of a matrix of ROWS rows a process */
  int provided = 0;
  int rank = 0;
  int size = 1;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int i = 0; i < ROWS * COLS; i++)
    block[i] = (i + rank) % 7;

  dnmf_library *library = NULL;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_result result;
  dnmf_dense dense;
  dnmf_dense_init(&dense);
  dense.first_row = ROWS * rank;
  dense.rows = ROWS;
  dense.cols = COLS;
  dense.values = block;
  dnmf_fit_settings settings;
  dnmf_fit_settings_init(&settings);
  settings.components = 5;

  int status = dnmf_library_create(MPI_COMM_WORLD, &library);
  if (status == DNMF_SUCCESS)
    status = dnmf_data_from_dense(library, ROWS * size, COLS, &dense, &data);
  if (status == DNMF_SUCCESS)
    status = dnmf_model_fit(library, data, &settings, &model, &result);
  if (status == DNMF_SUCCESS)
    status = dnmf_model_save(library, model, "model.h5");
  if (rank == 0 && status == DNMF_SUCCESS)
    printf("relative error %.6f after %d iterations\n", result.relative_error, (int)result.iterations);
  if (rank == 0 && status != DNMF_SUCCESS)
    fprintf(stderr, "%s\n", dnmf_library_error(library));

  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  dnmf_library_destroy(&library);
  MPI_Finalize();
  return status;
}
