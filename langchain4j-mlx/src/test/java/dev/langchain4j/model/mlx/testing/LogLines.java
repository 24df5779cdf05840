package dev.langchain4j.model.mlx.testing;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The warnings that are logged while this is open; the backend of the tests writes them to the error stream. */
public final class LogLines implements AutoCloseable {
    private final PrintStream before = System.err;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private LogLines() {
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    }

    /** Starts to listen. */
    public static LogLines open() {
        return new LogLines();
    }

    /** The messages of warnings so far. */
    public List<String> warnings() {
        System.err.flush();
        return bytes.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.startsWith("WARN"))
                .toList();
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
