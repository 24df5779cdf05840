package dev.langchain4j.model.mlx.grammar;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The compiled grammars of one model, the least recently used dropped first. The compiler is made when the first
 * grammar is asked for. Thread-safe.
 */
public final class GrammarCache implements AutoCloseable {
    /** An application has a schema for each return type and each set of tools; hundreds would be generated ones. */
    static final int ENTRIES_MAX = 64;

    /** Held while a grammar is compiled. */
    private final Lock lock = new ReentrantLock();

    private final Supplier<GrammarCompiler> open;
    private final Map<Grammar, GrammarMatcher> compiled = new LinkedHashMap<>(16, 0.75f, true);
    /** Grammars that cannot be compiled, and what to say of them. */
    private final Map<Grammar, Supplier<RuntimeException>> refused = new LinkedHashMap<>(16, 0.75f, true);

    private GrammarCompiler compiler;
    private boolean closed;

    /** @param open makes the compiler; called once, when it is needed */
    public GrammarCache(Supplier<GrammarCompiler> open) {
        this.open = open;
    }

    /**
     * A matcher at the start of a grammar; the caller closes it.
     *
     * @throws UnsupportedFeatureException naming what the compiler cannot do
     * @throws InvalidRequestException if no text at all could conform
     * @throws IllegalStateException if the cache is closed
     */
    public GrammarMatcher matcher(Grammar grammar) {
        return locked(() -> start(grammar).copy());
    }

    /** Compiles a grammar for later, as {@link #matcher} does. Gives the tokens that every text of it begins with. */
    public int[] beginning(Grammar grammar) {
        return locked(() -> start(grammar).forced());
    }

    private <T> T locked(Supplier<T> use) {
        lock.lock();
        try {
            return use.get();
        } finally {
            lock.unlock();
        }
    }

    private GrammarMatcher start(Grammar grammar) {
        if (closed) {
            throw new IllegalStateException("the grammars are closed");
        }
        Supplier<RuntimeException> reason = refused.get(grammar);
        if (reason != null) {
            throw reason.get();
        }
        GrammarMatcher start = compiled.get(grammar);
        if (start == null) {
            start = compile(grammar);
            compiled.put(grammar, start);
            Iterator<GrammarMatcher> oldest = compiled.values().iterator();
            while (compiled.size() > ENTRIES_MAX) {
                oldest.next().close();
                oldest.remove();
            }
        }
        return start;
    }

    /**
     * A matcher at the start of a grammar if it can be had at once, the caller closes it; null if it is not compiled,
     * or while another thread compiles one.
     */
    public GrammarMatcher compiled(Grammar grammar) {
        if (!lock.tryLock()) {
            return null;
        }
        try {
            GrammarMatcher start = closed ? null : compiled.get(grammar);
            return start == null ? null : start.copy();
        } finally {
            lock.unlock();
        }
    }

    private GrammarMatcher compile(Grammar grammar) {
        if (compiler == null) {
            try {
                compiler = open.get();
            } catch (IllegalArgumentException | MlxException e) {
                throw new UnsupportedFeatureException(
                        "JSON response format and ToolChoice.REQUIRED are not supported by this model: "
                                + e.getMessage());
            }
        }
        try {
            return compiler.compile(grammar);
        } catch (IllegalArgumentException e) {
            String reason = e.getCause() == null ? e.getMessage() : e.getCause().getMessage();
            Supplier<RuntimeException> refusal = reason.contains("Unsatisfiable schema")
                    ? () -> new InvalidRequestException("no value conforms to the JSON schema: " + reason, e)
                    : () -> new UnsupportedFeatureException(
                            "the JSON schema is not supported by this model: " + reason);
            if (refused.size() >= ENTRIES_MAX) {
                refused.remove(refused.keySet().iterator().next());
            }
            refused.put(grammar, refusal);
            throw refusal.get();
        }
    }

    /** How many grammars are kept. */
    int size() {
        return locked(compiled::size);
    }

    /** Frees all of it; matchers that were handed out stay usable. Idempotent. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            compiled.values().forEach(GrammarMatcher::close);
            compiled.clear();
            if (compiler != null) {
                compiler.close();
                compiler = null;
            }
        } finally {
            lock.unlock();
        }
    }
}
