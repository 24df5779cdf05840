package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** LangChain4j's contract of embedding models, over tiny random encoders with prompts. */
class MlxEmbeddingModelIT extends AbstractEmbeddingModelIT {
    private static final List<MlxEmbeddingModel> OPEN = new ArrayList<>();
    private static long handlesBefore;

    @BeforeAll
    static void count() {
        handlesBefore = LiveHandles.count();
    }

    @AfterAll
    static void nothingIsLeft() {
        OPEN.forEach(MlxEmbeddingModel::close);
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxEmbeddingModel open(String name, EmbeddingModelListener... listeners) {
        MlxEmbeddingModel model = MlxEmbeddingModel.builder()
                .modelPath(Goldens.own("embeddings").resolve(name))
                .listeners(listeners)
                .build();
        OPEN.add(model);
        return model;
    }

    /** New ones for each test, because JUnit closes them after it. */
    @Override
    protected List<EmbeddingModel> models() {
        return List.of(open("qwen3-last"), open("roberta-cls"));
    }

    @Override
    protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
        return open("qwen3-last", listener);
    }

    @Override
    protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
        MlxEmbeddingModel closed = open("qwen3-last", listener);
        closed.close();
        return closed;
    }

    @Override
    protected boolean supportsInputTypeParameter() {
        return true;
    }

    @Override
    protected boolean supportsDimensionsParameter() {
        return true;
    }

    /** These models read texts. */
    @Override
    protected boolean supportsImageInput() {
        return false;
    }

    /** These models read texts. */
    @Override
    protected boolean supportsInterleavedInput() {
        return false;
    }

    /** One pixel instead of a picture from the network. */
    @Override
    protected ImageContent catImage() {
        return ImageContent.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACADs=", "image/gif");
    }

    @Override
    protected int dimensionsParameter() {
        return 16;
    }

    @Override
    protected boolean assertModelName() {
        return true;
    }

    @Override
    protected boolean assertTokenUsage() {
        return true;
    }
}
