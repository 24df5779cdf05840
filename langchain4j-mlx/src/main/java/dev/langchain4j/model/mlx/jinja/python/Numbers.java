package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/** Python's numbers: int without bounds (Long, BigInteger where it must be), float, and bool as 0 and 1. */
public final class Numbers {

    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);
    private static final int INT_BITS_MAX = 1 << 20;

    private Numbers() {}

    /** The Long where the number fits one, since a value has one representation. */
    public static Object integer(BigInteger number) {
        if (number.bitLength() > INT_BITS_MAX) {
            throw TemplateException.limit("the size of an integer in bits", INT_BITS_MAX);
        }
        return number.compareTo(LONG_MIN) >= 0 && number.compareTo(LONG_MAX) <= 0
                ? number.longValue()
                : (Object) number;
    }

    public static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof Boolean || value instanceof BigInteger;
    }

    static BigInteger big(Object value) {
        return switch (value) {
            case BigInteger big -> big;
            case Boolean bool -> bool ? BigInteger.ONE : BigInteger.ZERO;
            default -> BigInteger.valueOf((Long) value);
        };
    }

    public static double toDouble(Object value) {
        return switch (value) {
            case Double number -> number;
            case Long number -> number;
            case Boolean bool -> bool ? 1 : 0;
            default -> {
                double number = ((BigInteger) value).doubleValue();
                if (Double.isInfinite(number)) {
                    throw TemplateException.runtime("int too large to convert to float");
                }
                yield number;
            }
        };
    }

    /**
     * The int of a count, index or width, clamped to the range of long; TypeError in {@code message} for other
     * types.
     */
    public static long index(Object value, String message) {
        return switch (value) {
            case Long number -> number;
            case Boolean bool -> bool ? 1 : 0;
            case BigInteger big -> big.signum() < 0 ? Long.MIN_VALUE / 4 : Long.MAX_VALUE / 4;
            case Undefined undefined -> throw undefined.failure();
            case null, default -> throw TemplateException.type(message);
        };
    }

    public static long index(Object value) {
        return index(value, "'" + Values.typeName(value) + "' object cannot be interpreted as an integer");
    }

    static int compare(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            return Long.compare(x, y);
        }
        if (a instanceof Double || b instanceof Double) {
            if (isSmall(a) && isSmall(b)) {
                return Double.compare(toDouble(a) + 0.0, toDouble(b) + 0.0);
            }
            boolean finite = (!(a instanceof Double x) || Double.isFinite(x))
                    && (!(b instanceof Double y) || Double.isFinite(y));
            if (!finite) {
                double x = a instanceof Double number ? number : 0;
                double y = b instanceof Double number ? number : 0;
                return Double.isNaN(x) || Double.isNaN(y) ? 1 : Double.compare(x, y);
            }
            Budget.current().digits(a, b, 100);
            return decimal(a).compareTo(decimal(b));
        }
        Budget.current().digits(a, b, 3);
        return big(a).compareTo(big(b));
    }

    /** Whether a double can hold it exactly. */
    private static boolean isSmall(Object value) {
        return value instanceof Double number && Double.isFinite(number)
                || value instanceof Boolean
                || value instanceof Long whole && Math.abs(whole) <= 1L << 53;
    }

    private static BigDecimal decimal(Object value) {
        return value instanceof Double number ? new BigDecimal(number) : new BigDecimal(big(value));
    }

    static Object add(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            long sum = x + y;
            if (((x ^ sum) & (y ^ sum)) >= 0) {
                return sum;
            }
        }
        Budget.current().digits(a, b, 3);
        return anyDouble(a, b) ? (Object) (toDouble(a) + toDouble(b)) : integer(big(a).add(big(b)));
    }

    static Object subtract(Object a, Object b) {
        if (a instanceof Long x && b instanceof Long y) {
            long difference = x - y;
            if (((x ^ y) & (x ^ difference)) >= 0) {
                return difference;
            }
        }
        Budget.current().digits(a, b, 3);
        return anyDouble(a, b) ? (Object) (toDouble(a) - toDouble(b)) : integer(big(a).subtract(big(b)));
    }

    static Object multiply(Object a, Object b) {
        Budget.current().digits(a, b, 25);
        return anyDouble(a, b) ? (Object) (toDouble(a) * toDouble(b)) : integer(big(a).multiply(big(b)));
    }

    public static Object divide(Object a, Object b) {
        Budget.current().digits(a, b, 200);
        if (toDouble(b) == 0) {
            throw zeroDivision(anyDouble(a, b) ? "float division by zero" : "division by zero");
        }
        if (anyDouble(a, b)) {
            return toDouble(a) / toDouble(b);
        }
        BigDecimal x = new BigDecimal(big(a));
        BigDecimal y = new BigDecimal(big(b));
        if (x.signum() == 0) {
            return y.signum() < 0 ? -0.0 : 0.0;
        }
        // 60 digits decide the last bit of a double except in contrived ties.
        return x.divide(y, new MathContext(60, RoundingMode.HALF_EVEN)).doubleValue();
    }

    static Object floorDivide(Object a, Object b) {
        if (anyDouble(a, b)) {
            double divisor = toDouble(b);
            if (divisor == 0) {
                throw zeroDivision("float floor division by zero");
            }
            double dividend = toDouble(a);
            double rest = floatModulo(dividend, divisor);
            double quotient = (dividend - rest) / divisor;
            if (quotient == 0) {
                return Math.copySign(0.0, dividend / divisor);
            }
            double floor = Math.floor(quotient);
            return quotient - floor > 0.5 ? floor + 1 : floor;
        }
        if (big(b).signum() == 0) {
            throw zeroDivision("integer division or modulo by zero");
        }
        if (a instanceof Long x && b instanceof Long y && y != -1) {
            return Math.floorDiv(x, y);
        }
        Budget.current().digits(a, b, 50);
        BigInteger[] parts = big(a).divideAndRemainder(big(b));
        boolean down = parts[1].signum() != 0 && parts[1].signum() != big(b).signum();
        return integer(down ? parts[0].subtract(BigInteger.ONE) : parts[0]);
    }

    static Object modulo(Object a, Object b) {
        if (anyDouble(a, b)) {
            double divisor = toDouble(b);
            if (divisor == 0) {
                throw zeroDivision("float modulo");
            }
            return floatModulo(toDouble(a), divisor);
        }
        if (big(b).signum() == 0) {
            throw zeroDivision("integer modulo by zero");
        }
        if (a instanceof Long x && b instanceof Long y) {
            return Math.floorMod(x, y);
        }
        Budget.current().digits(a, b, 25);
        return integer(big(a).subtract(big(b).multiply(big(floorDivide(a, b)))));
    }

    private static double floatModulo(double dividend, double divisor) {
        double rest = dividend % divisor;
        if (rest == 0) {
            return Math.copySign(0.0, divisor);
        }
        return (rest < 0) != (divisor < 0) ? rest + divisor : rest;
    }

    public static Object power(Object a, Object b) {
        if (!anyDouble(a, b) && big(b).signum() >= 0) {
            BigInteger base = big(a);
            BigInteger exponent = big(b);
            if (base.abs().compareTo(BigInteger.ONE) > 0
                    && (exponent.bitLength() > 31 || (long) base.bitLength() * exponent.longValue() > INT_BITS_MAX)) {
                throw TemplateException.limit("the size of an integer in bits", INT_BITS_MAX);
            }
            if (base.abs().compareTo(BigInteger.ONE) <= 0) {
                return base.signum() == 0
                        ? (exponent.signum() == 0 ? 1L : 0L)
                        : (Object) (base.signum() > 0 || !exponent.testBit(0) ? 1L : -1L);
            }
            Budget.current().steps(base.bitLength() * exponent.longValue() >> 1);
            return integer(base.pow(exponent.intValue()));
        }
        double base = toDouble(a);
        double exponent = toDouble(b);
        if (base == 0 && exponent < 0) {
            throw zeroDivision("0.0 cannot be raised to a negative power");
        }
        double result = Math.pow(base, exponent);
        if (Double.isNaN(result) && base < 0 && Double.isFinite(exponent)) {
            throw TemplateException.runtime(
                    "complex numbers are not supported: " + Repr.floating(base) + " ** " + Repr.floating(exponent));
        }
        if (base == 1 || (base == -1 && Double.isInfinite(exponent))) {
            return 1.0;
        }
        if (Double.isInfinite(result) && Double.isFinite(base) && Double.isFinite(exponent)) {
            throw TemplateException.runtime("(34, 'Numerical result out of range')");
        }
        return result;
    }

    static Object negate(Object value) {
        return value instanceof Double number
                ? (Object) (-number)
                : integer(big(value).negate());
    }

    public static Object abs(Object value) {
        return value instanceof Double number
                ? (Object) Math.abs(number)
                : integer(big(value).abs());
    }

    /** Python's round(value, digits): to even, exactly on the binary value; an int stays one. */
    public static Object round(Object value, int digits) {
        Budget.current().steps(Math.abs(digits));
        Budget.current().digits(value, null, 200);
        if (value instanceof Double number) {
            if (!Double.isFinite(number) || digits > 323) {
                return number;
            }
            double rounded = new BigDecimal(number)
                    .setScale(Math.max(digits, -400), RoundingMode.HALF_EVEN)
                    .doubleValue();
            return rounded == 0 ? Math.copySign(0.0, number) : rounded;
        }
        if (digits >= 0) {
            return value instanceof Boolean bool ? (bool ? 1L : 0L) : value;
        }
        return integer(new BigDecimal(big(value))
                .setScale(Math.max(digits, -400), RoundingMode.HALF_EVEN)
                .toBigInteger());
    }

    /** Python's int(float). */
    public static Object truncate(double number) {
        if (Double.isNaN(number)) {
            throw TemplateException.value("cannot convert float NaN to integer");
        }
        if (Double.isInfinite(number)) {
            throw TemplateException.runtime("cannot convert float infinity to integer");
        }
        return integer(new BigDecimal(number).toBigInteger());
    }

    public static Object floor(Object value) {
        return value instanceof Double number ? truncate(Math.floor(number)) : integer(big(value));
    }

    public static Object ceil(Object value) {
        return value instanceof Double number ? truncate(Math.ceil(number)) : integer(big(value));
    }

    private static boolean anyDouble(Object a, Object b) {
        return a instanceof Double || b instanceof Double;
    }

    private static TemplateException zeroDivision(String message) {
        return TemplateException.runtime(message);
    }
}
