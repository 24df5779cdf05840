package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Makes a folder of prefixes that ships with an application: computes what all its conversations begin with, once, when
 * it is built.
 */
public final class WarmSample {
    private static final long BYTES_MAX = 64L << 30;

    private WarmSample() {}

    /** Writes the folder. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "warm",
                "Computes what all conversations of an application begin with into a folder that ships with it.",
                args,
                PositionalParamSpec.builder()
                        .paramLabel("OUT")
                        .type(Path.class)
                        .arity("1")
                        .description("the folder")
                        .build(),
                Options.text(
                        "system", "FILE", "a system message, without tools; default: that of agent, with its tools"),
                Options.modelOption());
        Path out = options.argument();
        String system = options.has("system") ? Files.readString(options.path("system", "")) : AgentSample.SYSTEM;
        List<ToolSpecification> tools =
                options.has("system") ? List.of() : ToolSpecifications.toolSpecificationsFrom(new TravelTools());
        // It has to last: what is old or was not used for long is not deleted.
        Duration forever = Duration.ofDays(365_000);
        DiskLimits limits = DiskLimits.ofBytes(BYTES_MAX).bytesPerDay(BYTES_MAX).keeping(forever, forever);
        MlxModel mlx = options.modelBuilder().diskCache(out, limits).build();
        int tokens;
        try (mlx) {
            tokens = mlx.warm(system, tools);
        }
        DiskStats stats = mlx.promptCache().diskStats();
        if (stats.bytesWritten() == 0 && !stats.reason().isEmpty()) {
            System.err.println("nothing was written: " + stats.reason());
            System.exit(1);
        }
        System.out.printf(
                "%s: %d tokens of %s, %,d bytes written. MlxModel.builder().sharedPrefixes(Path.of(\"%s\")) reads them.%n",
                out, tokens, mlx.name(), stats.bytesWritten(), out);
    }
}
