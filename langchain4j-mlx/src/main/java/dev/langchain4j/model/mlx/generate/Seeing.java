package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.generate.FeatureCache.Features;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import dev.langchain4j.model.mlx.vision.PromptPictures.Place;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The pictures of one sequence while it is fed: their features, and what they change about its spans. Features are
 * computed for the pictures that still have to be fed, one in a step.
 */
final class Seeing implements AutoCloseable {
    /** Of a prompt without pictures. */
    static final Seeing NOTHING = new Seeing(null, null);

    private final PromptPictures pictures;
    private final FeatureCache cache;
    /** How many patches a side are one token, where positions have three axes; 0 where they have one. */
    private final int mergeSize;

    private final Map<Place, Features> held = new HashMap<>();

    private Seeing(PromptPictures pictures, FeatureCache cache) {
        this.pictures = pictures;
        this.cache = cache;
        this.mergeSize = cache == null ? 0 : cache.tower().mergeSize();
    }

    /** @param pictures null for none */
    static Seeing of(PromptPictures pictures, FeatureCache cache) {
        return pictures == null ? NOTHING : new Seeing(pictures, cache);
    }

    private List<Place> places() {
        return pictures == null ? List.of() : pictures.places();
    }

    /** What the model is fed for the tokens of a prompt that caches compare. */
    int[] fed(int[] prompt) {
        return pictures == null ? prompt : pictures.fed();
    }

    /** Where a chunk ends that would end there: not inside of a picture whose tokens see those behind them. */
    int chunkEnd(int position) {
        for (Place place : places()) {
            if (place.start() < position && position < place.end()) {
                return cache.tower().attendsBothWays() ? place.end() : position;
            }
        }
        return position;
    }

    /** Whether {@link #encode} has something to do before {@code [start, end)} can be fed. */
    boolean mustEncode(int start, int end) {
        return missing(start, end) != null;
    }

    private Place missing(int start, int end) {
        for (Place place : places()) {
            if (place.start() < end && start < place.end() && !held.containsKey(place)) {
                Features known = cache.find(place.picture());
                if (known == null) {
                    return place;
                }
                held.put(place, known);
            }
        }
        return null;
    }

    /** Computes the features of the first picture in {@code [start, end)} that has none yet. */
    void encode(int start, int end) {
        Place place = missing(start, end);
        if (place != null) {
            held.put(place, cache.encode(place.picture()));
        }
    }

    /** Features of pictures that end at or before a position are not needed any more. */
    void fedTo(int position) {
        held.entrySet().removeIf(entry -> {
            boolean done = entry.getKey().end() <= position;
            if (done) {
                entry.getValue().close();
            }
            return done;
        });
    }

    /**
     * What pictures change about {@code [start, end)}, whose features are there. Arrays are temporaries of the current
     * scope.
     */
    Sight sight(int start, int end) {
        if (pictures == null) {
            return Sight.NONE;
        }
        List<Sight.Patch> patches = new ArrayList<>();
        for (Place place : places()) {
            if (place.start() < end && start < place.end()) {
                addPatches(place, start, end, patches);
            }
        }
        int shift = shift(start);
        if (patches.isEmpty()) {
            return shift == 0 ? Sight.NONE : new Sight(shift, null, patches);
        }
        return new Sight(shift, mergeSize == 0 ? null : axes(start, end), patches);
    }

    /** What pictures change about tokens behind a prompt of so many, one by one. */
    Sight sightBehind(int length) {
        int shift = shift(length - 1);
        return shift == 0 ? Sight.NONE : new Sight(shift, null, List.of());
    }

    /** Each run of tokens that receive features takes the next rows. */
    private void addPatches(Place place, int start, int end, List<Sight.Patch> patches) {
        Features features = held.get(place);
        int row = 0;
        int position = place.start();
        while (position < Math.min(end, place.end())) {
            if (pictures.fed()[position] != pictures.imageToken()) {
                position++;
                continue;
            }
            int run = position;
            while (run < place.end() && pictures.fed()[run] == pictures.imageToken()) {
                run++;
            }
            int from = Math.max(position, start);
            int to = Math.min(run, end);
            if (from < to) {
                int first = row + from - position;
                patches.add(patch(features, from - start, first, first + to - from));
            }
            row += run - position;
            position = run;
        }
    }

    private static Sight.Patch patch(Features features, int at, int from, int to) {
        MlxArray rows = Indexing.slice(features.rows(), 0, from, to);
        List<MlxArray> deepstack = features.deepstack().stream()
                .map(layer -> Indexing.slice(layer, 0, from, to))
                .toList();
        return new Sight.Patch(at, rows, deepstack);
    }

    /** By how much the position of a token differs from its offset: a picture is as long as its longer side. */
    int shift(int offset) {
        int shift = 0;
        for (Place place : places()) {
            if (mergeSize > 0 && place.end() <= offset) {
                shift += Math.max(rows(place), columns(place)) - (place.end() - place.start());
            }
        }
        return shift;
    }

    private int rows(Place place) {
        return place.picture().image().grid()[1] / mergeSize;
    }

    private int columns(Place place) {
        return place.picture().image().grid()[2] / mergeSize;
    }

    /** Positions of {@code [start, end)} by time, height and width. */
    int[][] axes(int start, int end) {
        int[][] axes = new int[3][end - start];
        for (int i = start; i < end; i++) {
            int position = i + shift(i);
            axes[0][i - start] = position;
            axes[1][i - start] = position;
            axes[2][i - start] = position;
        }
        for (Place place : places()) {
            int first = place.start() + shift(place.start());
            for (int i = Math.max(start, place.start()); i < Math.min(end, place.end()); i++) {
                int token = i - place.start();
                axes[0][i - start] = first;
                axes[1][i - start] = first + token / columns(place);
                axes[2][i - start] = first + token % columns(place);
            }
        }
        return axes;
    }

    /** Frees the features that were not fed. Idempotent. */
    @Override
    public void close() {
        held.values().forEach(Features::close);
        held.clear();
    }
}
