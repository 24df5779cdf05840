package dev.langchain4j.model.mlx.calls;

import java.util.List;
import java.util.stream.Stream;

/** A format that is told by the marker which opens its blocks of calls. */
abstract class MarkedFormat extends WireFormat {
    final String start;
    final String end;

    /**
     * @param end closes a block; empty for none
     * @param others open a block, too
     */
    MarkedFormat(String start, String end, String... others) {
        super(Stream.concat(Stream.of(start), Stream.of(others)).toArray(String[]::new));
        this.start = start;
        this.end = end;
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(start);
    }

    @Override
    public List<String> ends() {
        return end.isEmpty() ? List.of() : List.of(end);
    }
}
