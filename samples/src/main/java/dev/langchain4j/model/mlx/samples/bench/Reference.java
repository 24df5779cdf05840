package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/** mlx-lm in a process of its own (samples/bench/reference.py), asked one thing at a time. */
final class Reference implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final Writer asks;
    private final BufferedReader answers;
    private final JsonNode versions;

    /**
     * Starts mlx-lm.
     *
     * @param preload libraries that take the place of those of its wheel; empty for none
     */
    Reference(Path python, Path script, String preload) throws IOException {
        this(List.of(python.toString(), script.toString()), preload);
    }

    /** Another side that answers as mlx-lm's does, started by a command. */
    Reference(List<String> command, String preload) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command);
        if (!preload.isEmpty()) {
            builder.environment().put("LD_PRELOAD", preload);
        }
        process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        // Also where the benchmark is interrupted: what it is working on may take minutes.
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        asks = process.outputWriter(StandardCharsets.UTF_8);
        answers = process.inputReader(StandardCharsets.UTF_8);
        versions = answer();
    }

    JsonNode versions() {
        return versions;
    }

    /** Asks for one thing; the pairs are names and values. */
    JsonNode ask(String what, Object... pairs) {
        Map<String, Object> ask = new LinkedHashMap<>();
        ask.put("do", what);
        for (int i = 0; i < pairs.length; i += 2) {
            ask.put((String) pairs[i], pairs[i + 1] instanceof Path path ? path.toString() : pairs[i + 1]);
        }
        try {
            asks.write(JSON.writeValueAsString(ask) + "\n");
            asks.flush();
            return answer();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Asks for one thing that answers with {@code seconds}. */
    double seconds(String what, Object... pairs) {
        return ask(what, pairs).path("seconds").asDouble();
    }

    static double[] numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
    }

    static int[] ids(JsonNode array) {
        return Arrays.stream(numbers(array)).mapToInt(d -> (int) d).toArray();
    }

    private JsonNode answer() throws IOException {
        String line = answers.readLine();
        if (line == null) {
            throw new IOException("the other side ended; its output is above");
        }
        return JSON.readTree(line);
    }

    @Override
    public void close() {
        process.destroy();
    }
}
