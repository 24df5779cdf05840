package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.util.Arrays;
import java.util.function.Function;

/** Copies in buffers of their own, so that nothing written later shows in them and they hold nobody else's buffer. */
final class Copies {
    private Copies() {}

    /** A copy even where {@code a} is a whole buffer, which MLX would share. A temporary of the current scope. */
    static MlxArray of(MlxArray a) {
        return Indexing.copy(Indexing.contiguous(a));
    }

    /** A computed copy, which the caller owns. */
    static MlxArray owned(MlxArray a) {
        return owned(array -> array, a)[0];
    }

    /** Computed copies of what {@code view} shows of each source. The caller owns them; if one fails, none is left. */
    @SafeVarargs
    static <S> MlxArray[] owned(Function<S, MlxArray> view, S... sources) {
        MlxArray[] copies = new MlxArray[sources.length];
        try {
            try (Scope scope = Scope.open()) {
                Arrays.setAll(copies, i -> of(view.apply(sources[i])).detach());
            }
            Eval.eval(copies);
            return copies;
        } catch (Throwable e) {
            for (MlxArray copy : copies) {
                if (copy != null) {
                    copy.close();
                }
            }
            throw e;
        }
    }
}
