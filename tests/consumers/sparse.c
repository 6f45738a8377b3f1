/* Factorizes a sparse matrix of which every process holds some rows, and writes the model: sparse MODEL.h5 */
#include <dnmf.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 200, COLS = 90, A_ROW = 6 };

static void check(const dnmf_library *library, int status) {
  if (status == DNMF_SUCCESS)
    return;
  fprintf(stderr, "sparse: %s\n", dnmf_library_error(library));
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void tell(void *state, const dnmf_iteration *iteration) {
  (void)state;
  if (iteration->iteration % 10 == 0)
    printf("iteration %d: objective %.15g\n", (int)iteration->iteration, iteration->objective);
}

int main(int argc, char **argv) {
  int provided = 0;
  int rank = 0;
  int size = 1;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  const int64_t first = ROWS * rank / size;
  const int64_t rows = ROWS * (rank + 1) / size - first;
  static int64_t starts[ROWS + 1];
  static int64_t cols[ROWS * A_ROW];
  static double values[ROWS * A_ROW];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t e = i * A_ROW; e < (i + 1) * A_ROW; e++) {
      cols[e] = ((first + i) * 5 + (e - i * A_ROW) * 17) % COLS;
      values[e] = (double)(1 + (first + i + e - i * A_ROW) % 7);
    }
    starts[i + 1] = (i + 1) * A_ROW;
  }

  dnmf_library *library = NULL;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_sparse sparse;
  dnmf_fit_settings settings;
  dnmf_callbacks callbacks = {NULL, NULL, tell, NULL};
  check(library, dnmf_library_create(MPI_COMM_WORLD, &library));
  check(library, dnmf_library_set_callbacks(library, &callbacks));
  dnmf_sparse_init(&sparse);
  sparse.first_row = first;
  sparse.rows = rows;
  sparse.starts = starts;
  sparse.cols = cols;
  sparse.values = values;
  check(library, dnmf_data_from_sparse(library, ROWS, COLS, &sparse, &data));
  dnmf_fit_settings_init(&settings);
  settings.components = 8;
  settings.solver = "bpp";
  settings.max_iter = 30;
  settings.tol = 0;
  check(library, dnmf_model_fit(library, data, &settings, &model, NULL));
  if (argc > 1)
    check(library, dnmf_model_save(library, model, argv[1]));

  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  dnmf_library_destroy(&library);
  MPI_Finalize();
  return 0;
}
