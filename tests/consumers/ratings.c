/* Fits ratings that are spread over the processes, predicts some, and recommends. */
#include <dnmf.h>
#include <stdio.h>
#include <stdlib.h>

enum { USERS = 40, ITEMS = 30, RATINGS = USERS * 8, TOP = 3 };

static void check(const dnmf_library *library, int status) {
  if (status == DNMF_SUCCESS)
    return;
  fprintf(stderr, "ratings: %s\n", dnmf_library_error(library));
  MPI_Abort(MPI_COMM_WORLD, 1);
}

int main(int argc, char **argv) {
  int provided = 0;
  int rank = 0;
  int size = 1;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  /* Rating r is on process r % size. */
  static char names[RATINGS][2][16];
  static const char *users[RATINGS];
  static const char *items[RATINGS];
  static double values[RATINGS];
  int64_t count = 0;
  for (int r = rank; r < RATINGS; r += size, count++) {
    const int user = r / 8;
    const int item = (user * 3 + r % 8 * 7) % ITEMS;
    snprintf(names[count][0], sizeof names[count][0], "user%d", user);
    snprintf(names[count][1], sizeof names[count][1], "item%d", item);
    users[count] = names[count][0];
    items[count] = names[count][1];
    values[count] = 1 + (user * item + user + item * item) % 9 * 0.5;
  }

  dnmf_library *library = NULL;
  dnmf_data *data = NULL;
  dnmf_model *model = NULL;
  dnmf_triples triples;
  dnmf_fit_settings settings;
  check(library, dnmf_library_create(MPI_COMM_WORLD, &library));
  dnmf_triples_init(&triples);
  triples.count = count;
  triples.row_ids = users;
  triples.col_ids = items;
  triples.values = values;
  check(library, dnmf_data_from_triples(library, &triples, &data));
  dnmf_fit_settings_init(&settings);
  settings.components = 3;
  settings.max_iter = 20;
  check(library, dnmf_model_fit(library, data, &settings, &model, NULL));

  /* Two predictions and two lists, asked for by process 0; the others take part. */
  const char *const asked_users[] = {"user5", "user11"};
  const char *const asked_items[] = {"item2", "item29"};
  const int64_t asked = rank == 0 ? 2 : 0;
  double scores[2];
  dnmf_triples pairs;
  dnmf_triples_init(&pairs);
  pairs.count = asked;
  pairs.row_ids = asked_users;
  pairs.col_ids = asked_items;
  check(library, dnmf_model_predict(library, model, &pairs, NULL, scores));
  for (int64_t i = 0; i < asked; i++)
    printf("predict %s %s %.12g\n", asked_users[i], asked_items[i], scores[i]);

  int64_t rows[2];
  int64_t cols[2 * TOP];
  double list_scores[2 * TOP];
  char **ids = NULL;
  dnmf_recommend_settings listing;
  dnmf_recommend_settings_init(&listing);
  listing.top = TOP;
  listing.seen = data;
  check(library, dnmf_model_find_rows(library, model, asked, asked_users, rows));
  check(library, dnmf_model_recommend(library, model, asked, rows, &listing, cols, list_scores));
  check(library, dnmf_model_col_ids(library, model, asked * TOP, cols, &ids));
  for (int64_t i = 0; i < asked * TOP; i++)
    printf("recommend %s %s %.12g\n", asked_users[i / TOP], ids[i], list_scores[i]);

  dnmf_ids_destroy(&ids);
  dnmf_model_destroy(&model);
  dnmf_data_destroy(&data);
  dnmf_library_destroy(&library);
  MPI_Finalize();
  return 0;
}
