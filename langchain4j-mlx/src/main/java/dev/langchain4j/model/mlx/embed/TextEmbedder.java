package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Vocabulary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Vectors of texts: tokens, encoder, pooling, length one. Owns the weights; borrows thread and tokenizer. May be called
 * from any thread.
 */
public final class TextEmbedder implements AutoCloseable {
    /** Tokens that keep a GPU busy, and a bound for memory. */
    private static final int BATCH_TOKENS_GPU = 16_384;

    /** On the CPU the widest layer's numbers of so many tokens stay in the cache of a core. */
    private static final int BATCH_TOKENS_CPU = 512;

    /** Most texts of a batch where nobody says; on the CPU the tokens are the bound. */
    private static final int BATCH_TEXTS = 128;

    /** Texts that become tokens together while those before them are computed. */
    private static final int WINDOW = 256;

    private final MlxThread thread;
    private final String modelType;
    private final SentenceSettings settings;
    private final List<Pooling> pooling;
    private final boolean normalize;
    private final TextTokens tokens;
    private final int batchSize;
    private final ModelFolder.Part<TextEncoder> loaded;
    private final long weightBytes;

    /**
     * What a caller wants otherwise than the folder says; null for what the folder says.
     *
     * @param expanded whether quantized matrices become plain ones in single precision
     * @param tokensMax most tokens of a text
     * @param normalize whether vectors have length one
     * @param batchSize most texts that are computed at once
     */
    public record Wishes(DType type, boolean expanded, Integer tokensMax, Boolean normalize, Integer batchSize) {}

    /**
     * Vectors and what they cost.
     *
     * @param vectors one for each text
     * @param tokens of all texts, padding not counted
     */
    public record Result(List<float[]> vectors, int tokens) {}

    /**
     * Loads the folder's model on the thread.
     *
     * @throws InvalidRequestException if a wish or what the folder has is not valid
     */
    public TextEmbedder(Path folder, Wishes wishes, MlxThread thread, Tokenizer tokenizer) {
        this.thread = thread;
        settings = SentenceSettings.load(folder);
        batchSize = wishes.batchSize == null ? BATCH_TEXTS : wishes.batchSize;
        ModelConfig config = ModelFolder.config(folder);
        modelType = config.modelType();
        loaded = thread.call(() -> loadEncoder(folder, config, wishes));
        weightBytes = thread.call(() -> loaded.weights().bytes());
        TextEncoder encoder = loaded.model();
        boolean decoder = !encoder.takesSeveral();
        // What sentence-transformers takes where a folder has no modules.json; decoders are made for the last token.
        pooling = settings.pooling() != null ? settings.pooling() : List.of(decoder ? Pooling.LAST : Pooling.MEAN);
        boolean unsaid = settings.pooling() == null && decoder;
        normalize = wishes.normalize != null ? wishes.normalize : settings.normalize() || unsaid;
        try {
            int tokensMax = tokensMax(wishes, encoder);
            tokens = new TextTokens(tokenizer, tokensMax);
            if (tokens.special() >= tokensMax) {
                throw new InvalidRequestException("maxLength (" + tokensMax
                        + ") must be more than the special tokens around each text (" + tokens.special() + ")");
            }
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /** Whether a folder's model gives vectors only, and cannot write. */
    public static boolean isEncoder(ModelConfig config) {
        return BertEncoder.MODEL_TYPES.contains(config.modelType());
    }

    private static ModelFolder.Part<TextEncoder> loadEncoder(Path folder, ModelConfig config, Wishes wishes) {
        if (isEncoder(config)) {
            return ModelFolder.load(
                    folder,
                    config,
                    wishes.type,
                    wishes.expanded,
                    null,
                    Shard.WHOLE,
                    (c, tensors) -> BertEncoder.sanitize(tensors),
                    BertEncoder::new);
        }
        ModelLoader.Loaded decoder = ModelLoader.loadWithoutHead(folder, wishes.type, wishes.expanded);
        return new ModelFolder.Part<>(new DecoderEncoder(decoder.model(), config), decoder.weights());
    }

    private int tokensMax(Wishes wishes, TextEncoder encoder) {
        if (wishes.tokensMax != null) {
            if (wishes.tokensMax > encoder.tokensMax()) {
                throw new InvalidRequestException("maxLength (" + wishes.tokensMax
                        + ") must not exceed the maximum length of the model (" + encoder.tokensMax() + ")");
            }
            return wishes.tokensMax;
        }
        return settings.tokensMax() == null ? encoder.tokensMax() : Math.min(settings.tokensMax(), encoder.tokensMax());
    }

    /** The architecture's name in config.json. */
    public String modelType() {
        return modelType;
    }

    /** Most tokens of a text; what is longer loses its end. */
    public int tokensMax() {
        return tokens.tokensMax();
    }

    /** Length of the vectors. */
    public int dimension() {
        return loaded.model().dimension() * pooling.size();
    }

    /** Bytes of the weights. */
    public long weightBytes() {
        return weightBytes;
    }

    /** The folder's prompt of a name, the first of these that it has; null if it has none of them. */
    public String prompt(String... names) {
        return Arrays.stream(names)
                .filter(settings.prompts()::containsKey)
                .findFirst()
                .map(settings.prompts()::get)
                .orElse(null);
    }

    /** The prompt of texts of which nobody says what they are; empty for none. */
    public String defaultPrompt() {
        String prompt =
                settings.defaultPrompt() == null ? null : settings.prompts().get(settings.defaultPrompt());
        return prompt == null ? "" : prompt;
    }

    /**
     * Computes vectors.
     *
     * @param prompt stands before each text
     * @param dimensions length that the vectors are cut to, at most {@link #dimension}
     */
    public Result embed(List<String> texts, String prompt, int dimensions) {
        List<Integer> longestFirst = IntStream.range(0, texts.size())
                .boxed()
                .sorted(Comparator.comparing(i -> -texts.get(i).length()))
                .toList();
        int skipped = settings.promptCounts() ? 0 : tokens.promptTokens(prepared(prompt));
        float[][] vectors = new float[texts.size()][];
        int sum = 0;
        Ahead<Text> encoded = new Ahead<>(longestFirst, WINDOW, i -> encode(i, prompt + texts.get(i)));
        for (List<Text> window = encoded.next(); !window.isEmpty(); window = encoded.next()) {
            for (List<Text> batch : batches(window)) {
                float[][] rows = thread.call(() -> compute(batch, skipped, dimensions));
                for (int i = 0; i < rows.length; i++) {
                    vectors[batch.get(i).index] = rows[i];
                }
            }
            sum += window.stream().mapToInt(Text::length).sum();
        }
        return new Result(List.of(vectors), sum);
    }

    /** A text by its place among those of a request. */
    private record Text(int index, int[] ids) {
        private int length() {
            return ids.length;
        }
    }

    private Text encode(int index, String text) {
        int[] ids = tokens.encode(prepared(text));
        check(ids);
        return new Text(index, ids);
    }

    private void check(int[] ids) {
        if (ids.length == 0) {
            throw new InvalidRequestException("a text (blank) must have at least one token");
        }
        Vocabulary.check(ids, loaded.model().vocabularySize());
    }

    private String prepared(String text) {
        String stripped = text.strip();
        return settings.lowerCase() ? stripped.toLowerCase(Locale.ROOT) : stripped;
    }

    /** Texts of like lengths together, the longest first: many are of one length, and memory is reused. */
    private List<List<Text>> batches(List<Text> texts) {
        int most = thread.device() == Device.CPU ? BATCH_TOKENS_CPU : BATCH_TOKENS_GPU;
        List<List<Text>> batches = new ArrayList<>();
        List<Text> batch = new ArrayList<>();
        int sum = 0;
        for (Text text :
                texts.stream().sorted(Comparator.comparing(t -> -t.length())).toList()) {
            boolean full = batch.size() == batchSize || sum + text.length() > most;
            if (!batch.isEmpty() && (full || !loaded.model().takesSeveral())) {
                batches.add(batch);
                batch = new ArrayList<>();
                sum = 0;
            }
            batch.add(text);
            sum += text.length();
        }
        batches.add(batch);
        return batches;
    }

    /** Vectors of texts that are sorted by length. */
    private float[][] compute(List<Text> batch, int skipped, int dimensions) {
        MlxArray pooled;
        try (Scope scope = Scope.open()) {
            List<MlxArray> groups = new ArrayList<>();
            for (int from = 0; from < batch.size(); ) {
                int length = batch.get(from).length();
                int to = from;
                while (to < batch.size() && batch.get(to).length() == length) {
                    to++;
                }
                groups.add(ids(batch.subList(from, to), length));
                from = to;
            }
            List<MlxArray> hidden = loaded.model().encode(groups);
            MlxArray[] parts = hidden.stream()
                    .map(x -> Pooling.apply(pooling, x, counted(x.dim(0), x.dim(1), skipped)))
                    .toArray(MlxArray[]::new);
            MlxArray whole = parts.length == 1 ? parts[0] : Indexing.concatenate(0, parts);
            MlxArray cut = dimensions < whole.dim(1) ? Indexing.slice(whole, 1, 0, dimensions) : whole;
            pooled = Indexing.contiguous(normalize ? unit(cut) : cut).detach();
        }
        try (pooled) {
            Eval.eval(pooled);
            return rows(pooled.toFloats(), batch.size());
        }
    }

    private static MlxArray ids(List<Text> texts, int length) {
        int[] all = new int[texts.size() * length];
        for (int i = 0; i < texts.size(); i++) {
            System.arraycopy(texts.get(i).ids, 0, all, i * length, length);
        }
        return MlxArray.of(all, texts.size(), length);
    }

    /** 1 for each token that pooling counts, 0 for those of a prompt that it skips; at least one counts. */
    private static MlxArray counted(int texts, int length, int skipped) {
        float[] one = new float[length];
        Arrays.fill(one, Math.min(skipped, length - 1), length, 1f);
        return Indexing.broadcastTo(MlxArray.of(one, 1, length, 1), texts, length, 1);
    }

    /** Each vector with length one; the zero vector stays. */
    private static MlxArray unit(MlxArray vectors) {
        MlxArray length = Ops.sqrt(Ops.sum(Ops.square(vectors), 1, true));
        return Ops.divide(vectors, Ops.maximum(length, MlxArray.scalar(1e-12, DType.FLOAT32)));
    }

    private static float[][] rows(float[] all, int count) {
        int width = all.length / count;
        float[][] rows = new float[count][];
        for (int i = 0; i < count; i++) {
            rows[i] = Arrays.copyOfRange(all, i * width, (i + 1) * width);
        }
        return rows;
    }

    /** Frees the weights, on their thread. Idempotent. */
    @Override
    public void close() {
        thread.run(() -> loaded.weights().close());
    }
}
