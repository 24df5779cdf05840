package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.catalog.ModelType;
import dev.langchain4j.model.mlx.MlxCachedModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxModelEstimate;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.util.List;

/**
 * Lists the models of the Hugging Face cache: what they are, and what they would take of memory; or says what one model
 * would take.
 */
public final class ModelsSample {
    private static final String ROW = "%-52s %8s  %-16s %-34s %9s  %s%n";

    private ModelsSample() {}

    /** Prints the table, or the estimate of one model. */
    public static void main(String[] args) {
        Options options = Options.of(
                "models",
                "The models of the Hugging Face cache, and the memory that they need.",
                args,
                Options.text("cache", "FOLDER", "another cache"),
                Options.text("model", "FOLDER_OR_ID", "the memory of that model"),
                Options.number("kv-bits", 8, "bits of keys and values"));
        Integer kvBits = options.has("kv-bits") ? options.number("kv-bits", 8) : null;
        HuggingFaceHub.Builder hub = HuggingFaceHub.builder();
        if (options.has("cache")) {
            hub.cacheFolder(options.path("cache", ""));
        }
        if (options.has("model")) {
            estimate(MlxModel.builder()
                    .modelName(options.text("model", ""))
                    .hub(hub.build())
                    .kvBits(kvBits));
            return;
        }
        List<MlxCachedModel> models = MlxModel.list(hub.build());
        System.out.printf(ROW, "model", "on disk", "type", "weights", "context", "memory");
        for (MlxCachedModel model : models) {
            System.out.printf(
                    ROW,
                    model.name(),
                    gigabytes(model.bytes()),
                    model.modelType(),
                    model.quantization(),
                    model.contextLength() == 0 ? "" : "%,d".formatted(model.contextLength()),
                    memory(model, kvBits));
        }
        if (models.isEmpty()) {
            System.out.println("none: MlxModel.load(\"owner/name\") downloads one");
        }
    }

    private static void estimate(MlxModel.Builder model) {
        try {
            System.out.println(model.estimate());
        } catch (LangChain4jException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private static String memory(MlxCachedModel model, Integer kvBits) {
        if (!model.problem().isEmpty()) {
            return model.problem();
        }
        String weights = "weights " + gigabytes(model.weightBytes());
        if (model.type() != ModelType.CHAT) {
            return weights + (model.fits() ? ", fits" : ", does not fit");
        }
        try {
            MlxModelEstimate estimate =
                    MlxModel.builder().modelPath(model.folder()).kvBits(kvBits).estimate();
            return "%s, %,d KB a token: %s"
                    .formatted(
                            weights,
                            estimate.kvBytesPerToken() / 1000,
                            !estimate.fits()
                                    ? "does not fit"
                                    : estimate.tokensThatFit() == Integer.MAX_VALUE
                                            ? "fits"
                                            : "fits, with %,d tokens".formatted(estimate.tokensThatFit()));
        } catch (LangChain4jException e) {
            return e.getMessage();
        }
    }

    private static String gigabytes(long bytes) {
        return bytes < 10_000_000 ? "%.1f MB".formatted(bytes / 1e6) : "%.2f GB".formatted(bytes / 1e9);
    }
}
