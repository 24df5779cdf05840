package dev.langchain4j.model.mlx.jinja;

import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Inputs;
import dev.langchain4j.model.mlx.jinja.python.Origins;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.syntax.Parser;
import dev.langchain4j.model.mlx.jinja.tree.Program;
import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

/**
 * A chat template, compiled. It renders as Jinja 3.1 does in the setting that chat templates are written for:
 * sandboxed, trim_blocks and lstrip_blocks on, loop controls, {@code generation} blocks, {@code tojson} that leaves
 * non-ASCII as it is, and the functions {@code raise_exception} and {@code strftime_now}.
 *
 * <p>Values of a context are null, Boolean, String, Character, Integer, Long and the like, BigInteger, Float, Double,
 * BigDecimal, List or another Collection, and Map with such values; they are copied before the render, so a template
 * cannot change them, and of other classes nothing is ever called. Thread-safe.
 */
public final class Template {

    /** In strings of a context with marks: the next character is from outside. A noncharacter of Unicode. */
    public static final char MARK = Origins.MARK;

    private final Program program;
    private final TemplateLimits limits;
    private final Clock clock;

    private Template(String source, TemplateLimits limits, Clock clock) {
        Budget.current().scan(source.length());
        this.program = new Program(Parser.parse(source));
        this.limits = limits;
        this.clock = clock;
    }

    /** Compiles with {@link TemplateLimits#DEFAULT} and the system's clock and time zone. */
    public static Template compile(String source) {
        return compile(source, TemplateLimits.DEFAULT, Clock.system(ZoneId.systemDefault()));
    }

    /**
     * Compiles.
     *
     * @param source the template
     * @param limits bounds of each render
     * @param clock what {@code strftime_now} reads
     * @throws TemplateException when the source is not a valid template
     */
    public static Template compile(String source, TemplateLimits limits, Clock clock) {
        try {
            return new Budget(limits).run(() -> new Template(source, limits, clock));
        } catch (StackOverflowError e) {
            throw new TemplateException(TemplateException.Kind.SYNTAX, Parser.TOO_DEEP);
        }
    }

    /**
     * Renders.
     *
     * @param context the values of the template's variables
     * @throws TemplateException when the template fails or asks to fail
     * @throws IllegalArgumentException when the context holds a value of a class that is not supported
     */
    public RenderResult render(Map<String, ?> context) {
        return render(context, List.of());
    }

    /**
     * Renders, and tells which parts of the text came from which element of a list.
     *
     * @param context the values of the template's variables
     * @param traced a list in the context, recognised by identity, whose maps are traced; see {@link RenderResult.Span}
     * @throws TemplateException when the template fails or asks to fail
     * @throws IllegalArgumentException when the context holds a value of a class that is not supported
     */
    public RenderResult render(Map<String, ?> context, List<?> traced) {
        return render(context, traced, false);
    }

    /**
     * Renders, and also tells which characters of the text came from outside of the template: those behind a
     * {@link #MARK} in the context's strings, wherever the template moves them. The marks are taken out first, so the
     * text is that of the context without them.
     *
     * @param marked whether strings of the context may have marks; every MARK of their own then needs one
     * @throws TemplateException when the template fails or asks to fail
     * @throws IllegalArgumentException when the context holds a value of a class that is not supported
     */
    public RenderResult render(Map<String, ?> context, List<?> traced, boolean marked) {
        Budget budget = new Budget(limits);
        return budget.run(() -> {
            Origins origins = marked ? new Origins() : null;
            Inputs inputs = new Inputs(traced, origins);
            Map<String, Object> values = inputs.convert(context);
            Render render = new Render(values, origins, limits, budget, clock, inputs.chars());
            try {
                program.run(render);
            } catch (StackOverflowError e) {
                throw new TemplateException(
                        TemplateException.Kind.LIMIT, "the stack of this thread is too small for the template");
            } catch (ArithmeticException | IndexOutOfBoundsException | IllegalArgumentException e) {
                // Numbers that no reasonable template has.
                throw TemplateException.runtime("a value is out of range: " + e.getMessage());
            }
            return render.result();
        });
    }
}
