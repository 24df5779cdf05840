package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.SideCache;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ImageKey;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a model's tower made of pictures, by their keys: those that were not used for the longest time are dropped where
 * there are too many bytes. All methods but {@link #bytes} and the counts belong to the thread that owns the model.
 */
public final class FeatureCache implements SideCache, AutoCloseable {

    /** Features that somebody owns. */
    record Features(List<MlxArray> arrays) implements AutoCloseable {

        /** What takes the place of embeddings. */
        MlxArray rows() {
            return arrays.getFirst();
        }

        List<MlxArray> deepstack() {
            return arrays.subList(1, arrays.size());
        }

        long bytes() {
            return arrays.stream().mapToLong(MlxArray::bytes).sum();
        }

        /** The same arrays with an owner of their own. */
        private Features shared() {
            Features own = new Features(new ArrayList<>());
            try (Scope scope = Scope.open()) {
                arrays.forEach(array -> own.arrays.add(array.share().detach()));
                return own;
            } catch (Throwable e) {
                own.close();
                throw e;
            }
        }

        @Override
        public void close() {
            arrays.forEach(MlxArray::close);
        }
    }

    private final VisionTower tower;
    private final long bytesMax;
    /** Least recently used first. */
    private final Map<ImageKey, Features> features = new LinkedHashMap<>(16, 0.75f, true);

    private volatile long bytes;
    private volatile long encoded;
    private volatile long found;
    private boolean closed;

    /**
     * An empty cache.
     *
     * @param bytesMax most bytes that are kept
     */
    public FeatureCache(VisionTower tower, long bytesMax) {
        this.tower = tower;
        this.bytesMax = bytesMax;
    }

    VisionTower tower() {
        return tower;
    }

    /** Features that are there, which the caller owns; null if they are not. */
    Features find(Picture picture) {
        Features known = features.get(picture.key());
        if (known == null) {
            return null;
        }
        found++;
        return known.shared();
    }

    /** Computes the features of a picture, which the caller owns, and keeps them. */
    Features encode(Picture picture) {
        Features made = new Features(new ArrayList<>());
        try {
            try (Scope scope = Scope.open()) {
                ImageFeatures lazy = tower.encode(picture.image());
                made.arrays.add(lazy.rows().detach());
                lazy.deepstack().forEach(rows -> made.arrays.add(rows.detach()));
            }
            Eval.eval(made.arrays.toArray(MlxArray[]::new));
            encoded++;
            keep(picture.key(), made);
            return made;
        } catch (Throwable e) {
            made.close();
            throw e;
        }
    }

    private void keep(ImageKey key, Features made) {
        if (closed || made.bytes() > bytesMax) {
            return;
        }
        Features old = features.put(key, made.shared());
        bytes += made.bytes() - (old == null ? 0 : old.bytes());
        if (old != null) {
            old.close();
        }
        while (bytes > bytesMax) {
            Map.Entry<ImageKey, Features> eldest =
                    features.entrySet().iterator().next();
            features.remove(eldest.getKey());
            bytes -= eldest.getValue().bytes();
            eldest.getValue().close();
        }
    }

    /** May be called from any thread, as the next two. */
    @Override
    public long bytes() {
        return bytes;
    }

    /** How many pictures the tower encoded. */
    public long encoded() {
        return encoded;
    }

    /** How many did not need to be encoded again. */
    public long found() {
        return found;
    }

    @Override
    public void clear() {
        features.values().forEach(Features::close);
        features.clear();
        bytes = 0;
    }

    /** Drops all, and keeps nothing from now on. Idempotent. */
    @Override
    public void close() {
        closed = true;
        clear();
    }
}
