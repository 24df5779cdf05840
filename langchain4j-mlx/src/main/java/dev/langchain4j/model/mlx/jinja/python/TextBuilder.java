package dev.langchain4j.model.mlx.jinja.python;

/** A string in the making, whose characters are counted before they are there. */
public final class TextBuilder {
    private final StringBuilder text = new StringBuilder();
    private final Budget budget = Budget.current();

    void step() {
        budget.step();
    }

    public TextBuilder append(String part) {
        budget.steps(1 + (part.length() >> 6));
        budget.keep(part.length());
        text.append(part);
        return this;
    }

    public TextBuilder append(CharSequence part, int start, int end) {
        budget.steps(1 + (end - start >> 6));
        budget.keep(end - start);
        text.append(part, start, end);
        return this;
    }

    public TextBuilder append(char c) {
        budget.keep(1);
        text.append(c);
        return this;
    }

    public TextBuilder append(long number) {
        budget.made(0);
        text.append(number);
        return this;
    }

    TextBuilder appendCodePoint(int c) {
        budget.keep(2);
        text.appendCodePoint(c);
        return this;
    }

    public boolean isEmpty() {
        return text.isEmpty();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
