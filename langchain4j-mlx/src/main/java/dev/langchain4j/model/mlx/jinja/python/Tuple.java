package dev.langchain4j.model.mlx.jinja.python;

import java.util.AbstractList;
import java.util.RandomAccess;

/** Python's tuple: a list that prints, compares and adds as a type of its own. */
public class Tuple extends AbstractList<Object> implements RandomAccess {

    public static final Tuple EMPTY = new Tuple();

    private final Object[] items;

    public Tuple(Object... items) {
        this.items = items;
    }

    /** What groupby gives: a pair whose items have names too. */
    public static final class Group extends Tuple {
        public Group(Object grouper, Object list) {
            super(grouper, list);
        }
    }

    @Override
    public Object get(int index) {
        return items[index];
    }

    @Override
    public int size() {
        return items.length;
    }
}
