/* Calls a predictor of one row for row after row, as a service in C would: benches/peers/programs.py times it. */

#include <math.h>
#include <stdint.h>

typedef int (*predict_one)(void *config, const void *row, int64_t *length, double *out);

/* The sum of all predictions; NaN if one fails. `rows` is (count, width), row-major. */
double predict_every_row(predict_one predict, void *config, const double *rows, int64_t count, int64_t width) {
    double sum = 0.0;
    for (int64_t row = 0; row < count; row++) {
        int64_t length = 0;
        double out = 0.0;
        if (predict(config, rows + row * width, &length, &out) != 0) {
            return NAN;
        }
        sum += out;
    }
    return sum;
}
