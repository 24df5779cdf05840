package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.AbstractList;
import java.util.RandomAccess;

/** Python's range, at most 100,000 long as in Jinja's sandbox. */
public final class Range extends AbstractList<Object> implements RandomAccess {

    private static final int SIZE_MAX = 100_000;

    final long start;
    final long stop;
    final long step;
    private final int size;

    public Range(long start, long stop, long step) {
        if (step == 0) {
            throw TemplateException.value("range() arg 3 must not be zero");
        }
        this.start = start;
        this.stop = stop;
        this.step = step;
        long distance = step > 0 ? Math.subtractExact(stop, start) : Math.subtractExact(start, stop);
        long length = distance <= 0 ? 0 : (distance - 1) / Math.abs(step) + 1;
        if (length > SIZE_MAX) {
            throw TemplateException.value(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + SIZE_MAX + ").");
        }
        this.size = (int) length;
    }

    @Override
    public Object get(int index) {
        return start + index * step;
    }

    @Override
    public int size() {
        return size;
    }
}
