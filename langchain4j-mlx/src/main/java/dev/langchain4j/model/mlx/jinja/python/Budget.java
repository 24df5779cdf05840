package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import java.math.BigInteger;
import java.util.List;

/**
 * What one render, or one compilation, may still do. Whatever makes or reads characters, elements or digits says so
 * here, before it does; a template that asks for more than the limits ends with {@link TemplateException.Kind#LIMIT}.
 *
 * <p>There are two accounts. <em>Steps</em> are work: an operation on a few values, an iteration, a run of characters.
 * They only grow. <em>Size</em> is what may be alive, in characters. A statement's temporary values end with it, so its
 * end takes the account back to its {@link #mark}; what it leaves in a variable stays counted until the scope of the
 * variable ends. What goes into a namespace outlives all scopes: a string is counted apart until another one takes its
 * place, and a container keeps everything alive that was made before it. The account may be too high, never too low.
 *
 * <p>One thread at a time; {@link #current} finds it where no frame is at hand.
 */
public final class Budget {
    /** Characters of memory that a value, an element of a list and an entry of a dict stand for. */
    static final int VALUE_SIZE = 24;

    static final int ELEMENT_SIZE = 16;
    public static final int ENTRY_SIZE = 64;

    private static final int DATA_DEPTH_MAX = 400;
    private static final ScopedValue<Budget> CURRENT = ScopedValue.newInstance();

    private final TemplateLimits limits;
    private long steps;
    private long size;
    /** What {@link #size} does not go below any more. */
    private long kept;

    private long inNamespaces;
    private int dataDepth;

    public Budget(TemplateLimits limits) {
        this.limits = limits;
    }

    /** The budget of the render that this thread is in; outside of one, a new budget. */
    public static Budget current() {
        return CURRENT.isBound() ? CURRENT.get() : new Budget(TemplateLimits.DEFAULT);
    }

    /** Runs something that is paid from this budget. */
    public <T> T run(ScopedValue.CallableOp<T, RuntimeException> work) {
        return ScopedValue.where(CURRENT, this).call(work);
    }

    /** An operation. */
    public void step() {
        steps(1);
    }

    /** As {@link #step}, so many; a count that overflowed gives nothing back. */
    public void steps(long count) {
        steps += Math.max(0, count);
        if (steps > limits.stepsMax()) {
            throw TemplateException.limit("the number of steps", limits.stepsMax());
        }
    }

    /** Characters that are compared, searched or counted. */
    public void scan(long characters) {
        steps(1 + (characters >> 5));
    }

    /** Characters that are looked at one by one. */
    public void scanSlowly(long characters) {
        steps(1 + characters);
    }

    /** Numbers of more bits than a long: {@code factor} steps for each 32 bits. */
    void digits(Object a, Object b, int factor) {
        if (a instanceof BigInteger || b instanceof BigInteger) {
            steps((long) factor * (bits(a) + bits(b) >> 5));
        }
    }

    private static long bits(Object number) {
        return number instanceof BigInteger big ? big.bitLength() : Long.SIZE;
    }

    /** A new string, or more characters of one that is being made. */
    public void made(long characters) {
        keep(characters + VALUE_SIZE);
        steps(2 + (characters >> 6));
    }

    /** Elements of a new list. */
    public void elements(long count) {
        keep(VALUE_SIZE + (count > Integer.MAX_VALUE ? Integer.MAX_VALUE : count * ELEMENT_SIZE));
        steps(2 + (count >> 3));
    }

    /** An entry of a new dict. */
    public void entry() {
        steps(4);
        keep(ENTRY_SIZE);
    }

    /** A value that is referred to from another place. */
    public void shared(Object value) {
        keep(sizeOf(value));
    }

    /** Counts what is alive, and costs no step. */
    public void keep(long characters) {
        size += Math.max(0, characters);
        checkRoom(0);
    }

    /** Refuses what would not fit beside what is alive. */
    public void checkRoom(long characters) {
        if (characters < 0 || size + inNamespaces + characters > limits.valueCharsMax()) {
            throw TemplateException.limit("the size of all values in characters", limits.valueCharsMax());
        }
    }

    public long mark() {
        return size;
    }

    /** Takes back what was made since a mark. */
    public void release(long mark) {
        size = Math.max(mark, kept);
    }

    /** Notes that what was made so far may be referred to from anywhere. */
    public void keepAll() {
        kept = size;
    }

    /** A value took the place of another in a namespace, or of none, which is null as well. */
    public void assigned(Object before, Object value, boolean nothingElseRuns) {
        if (isSimple(value)) {
            inNamespaces += sizeOf(value);
            checkRoom(0);
        } else {
            keepAll();
        }
        if (nothingElseRuns && isSimple(before)) {
            inNamespaces = Math.max(0, inNamespaces - sizeOf(before));
        }
    }

    /** Whether a value refers to no others. */
    public static boolean isSimple(Object value) {
        return switch (value) {
            case null -> true;
            case String _, Markup _, Boolean _, Long _, Double _, BigInteger _ -> true;
            default -> false;
        };
    }

    /** Of a string or a number what it takes alone; of others what a reference takes. */
    static long sizeOf(Object value) {
        return switch (value) {
            case String text -> text.length() + VALUE_SIZE;
            case Markup markup -> markup.text().length() + VALUE_SIZE;
            case BigInteger number -> number.bitLength() / Character.SIZE + VALUE_SIZE;
            case null, default -> ELEMENT_SIZE;
        };
    }

    /** Characters or elements of a value, for work that is proportional to them. */
    public static long lengthOf(Object value) {
        return switch (value) {
            case String text -> text.length();
            case Markup markup -> markup.text().length();
            case List<?> list -> list.size();
            case Dict dict -> dict.size();
            case null, default -> 1;
        };
    }

    /** Goes into a list or dict inside of another; {@link #leave} comes back. */
    public void enter() {
        steps(1);
        if (++dataDepth > DATA_DEPTH_MAX) {
            dataDepth = 0;
            throw TemplateException.limit("the depth of nested values", DATA_DEPTH_MAX);
        }
    }

    public void leave() {
        dataDepth--;
    }
}
