package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What drafts for a model beside what its requests say by themselves.
 *
 * @param model null for nothing
 * @param key names it in the prompt cache's key: its folder, {@link #HEAD}, or nothing
 * @param weightBytes those that are not the model's own
 */
record DraftParts(DraftModel model, String key, long weightBytes) {
    /** The model's own head (MTP). */
    static final String HEAD = "mtp";

    /**
     * Refuses a folder whose tokenizer is another one.
     *
     * @param folder of the draft model; null for none
     * @param main folder of the model
     * @throws dev.langchain4j.exception.ModelNotFoundException if there is no such folder, or no model in it
     * @throws InvalidRequestException if the tokens differ, or it is not a model that writes
     */
    static Path checked(Path folder, Path main, Tokenizer tokenizer) {
        if (folder == null) {
            return null;
        }
        ChatFolder.config(folder);
        try (Tokenizer other = NativeParts.loadTokenizer(folder)) {
            int size = Math.max(tokenizer.vocabularySize(), other.vocabularySize());
            for (int id = 0; id < size; id++) {
                Optional<String> wanted = tokenizer.token(id);
                Optional<String> found = other.token(id);
                if (!wanted.equals(found)) {
                    throw new InvalidRequestException("draftModel (" + folder + ") must have the tokenizer of " + main
                            + ": token " + id + " is " + shown(found) + " here and " + shown(wanted) + " there");
                }
            }
        }
        return ModelSettings.absolute(folder);
    }

    private static String shown(Optional<String> token) {
        return token.map(text -> "\"" + text + "\"").orElse("unknown");
    }

    /** Loads the draft model of a folder; for null the model's own head drafts, if it has one. */
    static DraftParts load(
            Path folder, ModelLoader.Loaded main, KvFormat format, DType type, MlxThread owner, OpenParts parts) {
        if (folder == null) {
            DraftModel head = main.model().draftHead();
            return new DraftParts(head, head == null ? "" : HEAD, 0);
        }
        MemoryBudget.SHARED.check("draft model " + folder, ModelFolder.weightBytes(folder, type));
        return owner.call(() -> {
            ModelLoader.Loaded loaded =
                    parts.weightsOf(ModelLoader.load(folder, type)).with(format);
            DraftModel model = DraftModel.of(loaded.model());
            return new DraftParts(model, folder.toString(), loaded.weights().bytes());
        });
    }
}
