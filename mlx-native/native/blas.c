/*
 * cblas_sgemm for libmlx. OpenBLAS packs the whole second matrix before it multiplies, which is most of the time when
 * the first one has a row or two, as in decode. Such products go to its matrix-vector routine, a row at a time; all
 * others to its cblas_sgemm. It is linked into the libraries that build.sh puts in place of the reference BLAS.
 */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* With more rows, packing costs less than reading the matrix once a row. */
enum { ROWS_MAX = 2 };

extern void scipy_cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
    int ldb, float beta, float *c, int ldc);

extern void scipy_cblas_sgemv(
    int order, int trans, int m, int n, float alpha, const float *a, int lda, const float *x, int incx, float beta,
    float *y, int incy);

/* y = alpha * op(a) * x + beta * y, where op(a) has so many rows and columns. */
static void product(
    int trans, int rows, int columns, float alpha, const float *a, int lda, const float *x, int incx, float beta,
    float *y, int incy) {
    if (trans == NO_TRANS) {
        scipy_cblas_sgemv(ROW_MAJOR, NO_TRANS, rows, columns, alpha, a, lda, x, incx, beta, y, incy);
    } else {
        scipy_cblas_sgemv(ROW_MAJOR, TRANS, columns, rows, alpha, a, lda, x, incx, beta, y, incy);
    }
}

void cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
    int ldb, float beta, float *c, int ldc) {
    if (order != ROW_MAJOR || m < 1 || n < 1 || k < 1 || (m > ROWS_MAX && n > 1)) {
        scipy_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    if (n == 1) {
        product(trans_a, m, k, alpha, a, lda, b, trans_b == NO_TRANS ? ldb : 1, beta, c, ldc);
        return;
    }
    int trans = trans_b == NO_TRANS ? TRANS : NO_TRANS;
    for (int row = 0; row < m; row++) {
        const float *x = trans_a == NO_TRANS ? a + (long)row * lda : a + row;
        product(trans, n, k, alpha, b, ldb, x, trans_a == NO_TRANS ? 1 : lda, beta, c + (long)row * ldc, 1);
    }
}
