package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The state of one render: context, output and what is left of the limits. */
public final class Render {

    private static final int STACK_HEIGHT_MAX = 1000;

    public final Clock clock;
    public final Budget budget;
    private final TemplateLimits limits;
    private final Map<String, Object> context;
    private final Map<String, Object> exported = new HashMap<>();
    private final StringBuilder root;
    private final List<RenderResult.Span> spans = new ArrayList<>();
    private StringBuilder out;
    private long iterations;
    private int depth;
    private int stackHeight;

    /**
     * The item of the innermost loop over integers, or -1, and which traced element was read with it as its
     * index, or -1.
     */
    private long loopIndex = -1;

    private int indexedElement = -1;

    /** Which characters came from outside; null where nobody asks. */
    public final Origins origins;

    /** Whether output is escaped, inside of an autoescape block. */
    public boolean autoescape;

    /** @param chars how long the text is expected to be */
    public Render(
            Map<String, Object> context,
            Origins origins,
            TemplateLimits limits,
            Budget budget,
            Clock clock,
            int chars) {
        this.root = new StringBuilder(chars);
        this.out = root;
        this.budget = budget;
        this.context = context;
        this.origins = origins;
        this.limits = limits;
        this.clock = clock;
    }

    /** What the context has for a name, or {@link Values#MISSING}. */
    public Object resolve(String name) {
        if (!exported.isEmpty() && exported.containsKey(name)) {
            return exported.get(name);
        }
        Object value = context.get(name);
        return value != null || context.containsKey(name) ? value : Values.MISSING;
    }

    /** Makes a name of the template's top level visible inside of its named blocks. */
    public void export(String name, Object value) {
        exported.put(name, value);
    }

    public void write(String text) {
        write(text, text);
    }

    private void write(Object value, String text) {
        budget.steps(1 + (text.length() >> 6));
        if (out.length() + text.length() > limits.outputCharsMax()) {
            throw TemplateException.limit("the length of the output", limits.outputCharsMax());
        }
        if (out != root) {
            budget.keep(text.length());
        }
        if (origins != null) {
            origins.write(value, text, out.length());
        }
        out.append(text);
    }

    public void writeValue(Object value) {
        if (autoescape) {
            write(value, Markup.escape(value));
        } else {
            write(value, Repr.str(value));
        }
    }

    /** Runs something whose output is a value, not part of the text. */
    public String capture(Runnable body) {
        StringBuilder outer = out;
        out = new StringBuilder();
        TextRanges.Builder outerOrigins = origins == null ? null : origins.beginCapture();
        String text = "";
        try {
            body.run();
            budget.made(out.length());
            text = out.toString();
            return text;
        } finally {
            out = outer;
            if (origins != null) {
                origins.endCapture(text, outerOrigins);
            }
        }
    }

    /** Counts an iteration of a loop. */
    public void iterate() {
        budget.step();
        if (++iterations > limits.iterationsMax()) {
            throw TemplateException.limit("the number of loop iterations", limits.iterationsMax());
        }
    }

    /**
     * Begins a macro or a level of a recursive loop.
     *
     * @param height how deeply its parts are nested, which is what it needs of the thread's stack
     */
    public void enter(int height) {
        budget.step();
        stackHeight += height;
        if (++depth > limits.depthMax() || stackHeight > STACK_HEIGHT_MAX) {
            throw TemplateException.limit("the depth of recursion", limits.depthMax());
        }
    }

    public void leave(int height) {
        stackHeight -= height;
        depth--;
    }

    /** Whether no macro and no recursive loop is active, so that no expression waits for its value. */
    public boolean isAtTop() {
        return depth == 0;
    }

    /** The offset of what is written next, or -1 while output is captured. */
    public int offset() {
        return out == root ? root.length() : -1;
    }

    public void span(int element, int start) {
        if (root.length() > start) {
            spans.add(new RenderResult.Span(element, start, root.length()));
        }
    }

    /** Notes that an element of the traced list was read by an index. */
    public void indexed(Object index, int element) {
        if (indexedElement < 0 && index instanceof Long number && number == loopIndex) {
            indexedElement = element;
        }
    }

    /**
     * Runs an iteration of a loop over integers, and gives the element that it read with its item as the index,
     * or -1.
     */
    public int traceIndexed(long item, Runnable iteration) {
        long outerIndex = loopIndex;
        int outerElement = indexedElement;
        loopIndex = item;
        indexedElement = -1;
        try {
            iteration.run();
            return indexedElement;
        } finally {
            loopIndex = outerIndex;
            indexedElement = outerElement;
        }
    }

    public RenderResult result() {
        return new RenderResult(root.toString(), spans, origins == null ? TextRanges.NONE : origins.written());
    }
}
