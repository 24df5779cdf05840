package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.hub.LocatedModel;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The memory of a model before it is loaded, in bytes: from the headers of its files, and from the shapes that its
 * layers would have. See {@link MlxModel.Builder#estimate()}.
 *
 * @param name the model
 * @param weightBytes its weights, in the type that they are computed with
 * @param kvBytesPerToken what each token of a conversation adds
 * @param kvFixedBytes what a conversation takes whatever its length: sliding windows and recurrent states
 * @param contextLength maximum number of tokens of prompt and answer together
 * @param budgetBytes what all models of this process may hold at most; 0 where there is no limit
 * @param takenBytes what of it the weights of other models and running requests take
 */
public record MlxModelEstimate(
        String name,
        long weightBytes,
        long kvBytesPerToken,
        long kvFixedBytes,
        int contextLength,
        long budgetBytes,
        long takenBytes) {

    /** Of a model that is not loaded, with settings of which null is the default. */
    static MlxModelEstimate of(
            LocatedModel located, String name, RopeScaling scaling, Integer length, DType dtype, KvFormat format) {
        ContextLimit context = ContextLimit.of(ChatFolder.config(located.folder()), scaling, length);
        try (MlxThread own = NativeParts.startThread("mlx-estimate")) {
            String shown = name != null ? name : located.name();
            return of(shown, located.folder(), context, NativeParts.type(dtype, own), format, own);
        }
    }

    /** Of a model folder; the thread builds graphs over the weights, and reads nothing but headers. */
    static MlxModelEstimate of(
            String name, Path folder, ContextLimit context, DType type, KvFormat format, MlxThread thread) {
        ModelLoader.Memory memory = thread.call(() -> ModelLoader.measure(folder, context.config(), type, format));
        return new MlxModelEstimate(
                name,
                memory.weightBytes(),
                memory.bytesPerToken(),
                memory.fixedBytes(),
                context.tokens(),
                MlxMemory.budgetBytes(),
                MemoryBudget.SHARED.takenBytes());
    }

    /**
     * Refuses weights that do not fit before they are read.
     *
     * @param expanded whether quantized weights are held in single precision
     * @throws InvalidRequestException with what the model would take
     */
    static void check(
            String name,
            Path folder,
            ContextLimit context,
            DType type,
            boolean expanded,
            KvFormat format,
            MlxThread thread) {
        long weightBytes = ModelFolder.weightBytes(folder, context.config(), type, expanded);
        if (!MemoryBudget.SHARED.fits(weightBytes)) {
            throw new InvalidRequestException("cannot load " + of(name, folder, context, type, format, thread)
                    + ". Close a model, take a smaller or more quantized one, or raise the limit with"
                    + " MlxMemory.setLimit");
        }
        MemoryBudget.SHARED.makeRoom(name, weightBytes);
    }

    /**
     * Whether it is loaded: the weights and what computing needs fit beside those of other models and running requests.
     */
    public boolean fits() {
        return budgetBytes == 0 || takenBytes + weightBytes + MlxMemory.reserveBytes(weightBytes) <= budgetBytes;
    }

    /** Bytes of a conversation of so many tokens; a buffer may have room for up to a quarter more while it grows. */
    public long kvBytes(int tokens) {
        return kvFixedBytes + kvBytesPerToken * tokens;
    }

    /**
     * How many tokens all conversations together can have in the half of what the weights leave, which is what the
     * prompt cache of the only model may hold by default ({@link MlxModel.Builder#cacheLimits}); at most {@link
     * Integer#MAX_VALUE}, and 0 if the model does not fit.
     */
    public int tokensThatFit() {
        if (budgetBytes == 0) {
            return Integer.MAX_VALUE;
        }
        long left = fits() ? (budgetBytes - takenBytes - weightBytes) / 2 - kvFixedBytes : 0;
        return (int) Math.clamp(left / Math.max(1, kvBytesPerToken), 0, Integer.MAX_VALUE);
    }

    /** One sentence with all of it, for a person. */
    @Override
    public String toString() {
        String conversation = "%s a token%s, %s for all %,d tokens of the context"
                .formatted(
                        size(kvBytesPerToken),
                        kvFixedBytes == 0 ? "" : " and " + size(kvFixedBytes) + " for windows and states",
                        size(kvBytes(contextLength)),
                        contextLength);
        String machine = budgetBytes == 0
                ? "memory is not limited"
                : "MLX may use at most " + size(budgetBytes) + " here"
                        + (takenBytes == 0 ? "" : ", of which other models take " + size(takenBytes));
        String verdict = !fits()
                ? "it does not fit"
                : tokensThatFit() >= contextLength
                        ? "it fits, and so does its context"
                        : "it fits, with conversations of %,d tokens together".formatted(tokensThatFit());
        return name + ": weights " + size(weightBytes) + "; KV cache " + conversation + "; " + machine + ": " + verdict;
    }

    /** Bytes as people read them: three digits and a unit. */
    static String size(long bytes) {
        double value = bytes;
        int unit = 0;
        String[] units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
        while (value >= 1000 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        String digits = unit == 0 ? "%.0f" : value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f";
        return String.format(Locale.ROOT, digits + " %s", value, units[unit]);
    }
}
