/* What the functions of cell_math.h execute, counted on numbers that count: a product or quotient
 * is a mul, a sum or difference an add, a comparison of two numbers a cmp. The header is C; `float`
 * and `double` are replaced by classes that do the same. Prints a line a function: name mul add
 * cmp. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static long muls, adds, cmps;

template <class T> struct Counting {
    T value;
    Counting() = default;
    Counting(T given) : value(given) {
    }
    explicit Counting(int given) : value((T)given) {
    }
    template <class U> explicit Counting(Counting<U> given) : value((T)given.value) {
    }
    explicit operator int32_t() const {
        return (int32_t)value;
    }
};

#define OPERATOR(symbol, counter)                                                  \
    template <class T> Counting<T> operator symbol(Counting<T> a, Counting<T> b) { \
        counter++;                                                                 \
        return a.value symbol b.value;                                             \
    }                                                                              \
    template <class T> Counting<T> operator symbol(T a, Counting<T> b) {           \
        return Counting<T>(a) symbol b;                                            \
    }                                                                              \
    template <class T> Counting<T> operator symbol(Counting<T> a, T b) {           \
        return a symbol Counting<T>(b);                                            \
    }
OPERATOR(+, adds)
OPERATOR(-, adds)
OPERATOR(*, muls)
OPERATOR(/, muls)

#define COMPARISON(symbol)                                                  \
    template <class T> bool operator symbol(Counting<T> a, Counting<T> b) { \
        cmps++;                                                             \
        return a.value symbol b.value;                                      \
    }                                                                       \
    template <class T> bool operator symbol(Counting<T> a, T b) {           \
        return a symbol Counting<T>(b);                                     \
    }
COMPARISON(<)
COMPARISON(>)
COMPARISON(<=)
COMPARISON(>=)
COMPARISON(==)
COMPARISON(!=)

template <class T> Counting<T> operator-(Counting<T> a) {
    return -a.value; /* a sign is no arithmetic */
}

#define float Counting<float_>
#define double Counting<double_>
typedef decltype(1.0f) float_;
typedef decltype(1.0) double_;
#include "snn/elementwise/cell_math.h"

template <class F> static void report(const char *name, F run) {
    muls = adds = cmps = 0;
    run(float(0.3f));
    printf("%s %ld %ld %ld\n", name, muls, adds, cmps);
}

#define ONE(name) report(#name, [](float x) { (void)snn_##name##_f32(x); })
#define TWO(name) report(#name, [](float x) { (void)snn_##name##_f32(x, float(0.7f)); })

int main() {
    ONE(neg);
    ONE(abs);
    ONE(sign);
    ONE(round);
    ONE(floor);
    ONE(ceil);
    ONE(trunc);
    ONE(sqrt);
    ONE(exp);
    ONE(log);
    ONE(tanh);
    ONE(erf);
    report("sigmoid", [](float x) { (void)snn_sigmoid_scalar_f32(x); });
    TWO(minimum);
    TWO(maximum);
    TWO(pow);
    return 0;
}
