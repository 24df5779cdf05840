package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Pictures;
import dev.langchain4j.model.mlx.testing.SeeingFolder;
import dev.langchain4j.model.mlx.testing.TokenIds;
import dev.langchain4j.model.mlx.vision.ImageBudget;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ImageKey;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How pictures take their steps among others: one at a time, in the middle of prompts, and what ends there. */
class VisionStepsTest {
    private static final Path MODEL = Goldens.own("vision/qwen3_vl/model");
    private static final int IMAGE_TOKEN = 310;
    private static final int START_TOKEN = 307;
    private static final int END_TOKEN = 308;

    private long handles;
    private MlxThread thread;
    private Tokenizer tokenizer;
    private SeeingFolder tools;
    private ModelLoader.Loaded loaded;
    private TrieCache cache;
    private FeatureCache features;
    private Engine engine;
    /** What the tower does before it encodes. */
    private Consumer<ProcessedImage> tower = image -> {};

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        thread = MlxThread.start("vision");
        tokenizer = Tokenizer.fromFile(MODEL.resolve("tokenizer.json"));
        tools = new SeeingFolder(MODEL);
        loaded = thread.call(() -> ModelLoader.load(MODEL, DType.FLOAT32));
        cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
        features = new FeatureCache(told(loaded.tower()), 1 << 20);
        cache.beside(features);
        EngineLimits limits = new EngineLimits(4, 16, null, Duration.ofSeconds(10), false);
        engine = new Engine(
                thread, loaded.model(), tokenizer, cache, CacheKey.of("vision", ""), Set.of(), 4096, 16, limits);
        engine.see(features);
    }

    private VisionTower told(VisionTower real) {
        return new VisionTower() {
            @Override
            public ImageFeatures encode(ProcessedImage image) {
                tower.accept(image);
                return real.encode(image);
            }

            @Override
            public int mergeSize() {
                return real.mergeSize();
            }
        };
    }

    @AfterEach
    void close() {
        engine.close();
        thread.run(() -> {
            features.close();
            cache.close();
            loaded.weights().close();
        });
        thread.close();
        tools.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** Tokens of text only. */
    private static int[] text(int seed, int count) {
        return new Random(seed).ints(count, 10, 300).toArray();
    }

    private Picture picture(int seed) {
        byte[] file = Pictures.png(60, 44, seed);
        ProcessedImage image = tools.images().process(ImageDecoder.decode(file, ImageLimits.DEFAULT), ImageBudget.AUTO);
        return new Picture(image, ImageKey.of(image));
    }

    private GenerationRequest request(String conversation, int... seeds) {
        int[] fed = text(7, 20);
        List<Picture> pictures = new ArrayList<>();
        for (int seed : seeds) {
            Picture picture = picture(seed);
            pictures.add(picture);
            int[] tokens = new int[picture.image().tokens() + 2];
            Arrays.fill(tokens, IMAGE_TOKEN);
            tokens[0] = START_TOKEN;
            tokens[tokens.length - 1] = END_TOKEN;
            fed = TokenIds.concat(fed, tokens, text(seed, 5));
        }
        PromptPictures places = PromptPictures.of(fed, pictures, IMAGE_TOKEN);
        return new GenerationRequest(
                        places.keys(), List.of(), conversation, Isolation.SHARED, Sampling.GREEDY, 8, List.of())
                .withPictures(places);
    }

    private GenerationResult generate(GenerationRequest request) throws Exception {
        return engine.submit(request, piece -> {}).result().get();
    }

    @Test
    void whoIsCancelledWhileAPictureIsEncodedLeavesNothingWrong() throws Exception {
        int[] expected = generate(request(null, 1, 2)).generated();
        thread.run(features::clear);
        Engine.Handle[] handle = new Engine.Handle[1];
        tower = image -> handle[0].cancel();
        thread.run(() -> handle[0] = engine.submit(request("ann", 3, 2), piece -> {}));
        try {
            assertThat(handle[0].result().get().end()).isEqualTo(GenerationResult.End.CANCELLED);
        } catch (ExecutionException e) {
            assertThat(e).hasCauseInstanceOf(CancellationException.class);
        }
        tower = image -> {};
        assertThat(generate(request("ann", 1, 2)).generated()).isEqualTo(expected);
        long encoded = features.encoded();
        generate(request("ann", 3));
        assertThat(features.encoded()).as("what was encoded is kept").isEqualTo(encoded);
    }

    @Test
    void whatTheTowerThrowsEndsItsRequestAlone() throws Exception {
        int[] expected = generate(request(null, 1)).generated();
        tower = image -> {
            throw new IllegalStateException("no light");
        };
        Engine.Handle broken = engine.submit(request("bob", 2), piece -> {});
        Engine.Handle other = engine.submit(request("ann", 1), piece -> {});
        assertThat(other.result().get().generated()).isEqualTo(expected);
        assertThatThrownBy(() -> broken.result().get()).hasMessageContaining("no light");
        tower = image -> {};
        assertThat(generate(request("bob", 1)).generated()).isEqualTo(expected);
    }

    @Test
    void othersTakeAStepBetweenTwoPictures() throws Exception {
        List<Integer> tokensAt = new ArrayList<>();
        int[] tokens = {0};
        int[] text = text(3, 30);
        Engine.Handle[] all = new Engine.Handle[2];
        tower = image -> tokensAt.add(tokens[0]);
        thread.run(() -> {
            GenerationListener counting = piece -> {};
            all[0] = engine.submit(
                    new GenerationRequest(text, List.of(), "text", Isolation.SHARED, Sampling.GREEDY, 60, List.of()),
                    new GenerationListener() {
                        @Override
                        public void onText(String piece) {
                            tokens[0]++;
                            if (tokens[0] == 2) {
                                all[1] = engine.submit(request("pictures", 4, 5, 6), counting);
                            }
                        }
                    });
        });
        all[0].result().get();
        all[1].result().get();
        assertThat(tokensAt).hasSize(3).doesNotHaveDuplicates();
    }

    @Test
    void noPromptResumesWithinAPicture() throws Exception {
        GenerationRequest first = request("ann", 1, 2);
        PromptPictures.Place place = first.pictures().places().getLast();
        generate(first);
        // the same up to the middle of the second picture, as if two digests began alike
        int[] keys = first.prompt().clone();
        for (int i = place.start() + 3; i < place.end(); i++) {
            keys[i] = keys[i] == -2 ? -3 : keys[i] + 1;
        }
        GenerationRequest forged = new GenerationRequest(
                        keys, List.of(), "bob", Isolation.SHARED, Sampling.GREEDY, 8, List.of())
                .withPictures(first.pictures());
        GenerationResult result = generate(forged);
        assertThat(result.plan().resumePosition()).isEqualTo(place.start());
    }
}
