/* Each half of the processes factorizes a dense matrix of which every process holds some rows. */
#include <dnmf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 60, COLS = 40, COMPONENTS = 4 };

static void check(const dnmf_library *library, int status) {
  if (status == DNMF_SUCCESS)
    return;
  fprintf(stderr, "dense: %s\n", dnmf_library_error(library));
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/* |A - WH|^2 of rows of A, and |A|^2. */
static void add_squares(int rows, const double *a, const double *w, const double *h, double squares[2]) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < COLS; j++) {
      double residual = a[i * COLS + j];
      squares[1] += residual * residual;
      for (int c = 0; c < COMPONENTS; c++)
        residual -= w[i * COMPONENTS + c] * h[c * COLS + j];
      squares[0] += residual * residual;
    }
}

int main(int argc, char **argv) {
  int provided = 0;
  int rank = 0;
  int size = 1;
  MPI_Comm half;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int color = rank % 2;
  MPI_Comm_split(MPI_COMM_WORLD, color, rank, &half);
  MPI_Comm_rank(half, &rank);
  MPI_Comm_size(half, &size);

  const int first = ROWS * rank / size;
  const int rows = ROWS * (rank + 1) / size - first;
  double *a = malloc(sizeof(double) * ROWS * COLS);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < COLS; j++)
      a[i * COLS + j] = (first + i) * 7 % 13 + (first + i) * j % 11 + j % 3;

  dnmf_library *library = NULL;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_dense dense;
  dnmf_fit_settings settings;
  dnmf_result result;
  check(library, dnmf_library_create(half, &library));
  dnmf_dense_init(&dense);
  dense.first_row = first;
  dense.rows = rows;
  dense.cols = COLS;
  dense.values = a;
  check(library, dnmf_data_from_dense(library, ROWS, COLS, &dense, &data));
  dnmf_fit_settings_init(&settings);
  settings.components = COMPONENTS;
  check(library, dnmf_model_fit(library, data, &settings, &model, &result));

  double w[ROWS * COMPONENTS]; /* of this process's rows */
  double h[COMPONENTS * COLS]; /* all of it */
  double squares[2] = {0, 0};
  check(library, dnmf_model_w(library, model, first, rows, w, 0));
  check(library, dnmf_model_h(library, model, 0, COLS, h, 0));
  add_squares(rows, a, w, h, squares);
  MPI_Allreduce(MPI_IN_PLACE, squares, 2, MPI_DOUBLE, MPI_SUM, half);
  if (rank == 0)
    printf("half %d: %d iterations, objective %.15g, relative error %.15g, from the factors %.15g\n", color,
           (int)result.iterations, result.objective, result.relative_error, sqrt(squares[0] / squares[1]));

  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  dnmf_library_destroy(&library);
  free(a);
  MPI_Comm_free(&half);
  MPI_Finalize();
  return 0;
}
