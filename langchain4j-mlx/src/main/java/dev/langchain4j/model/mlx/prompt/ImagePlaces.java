package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.ArrayList;
import java.util.List;

/**
 * The places that a template wrote for images, and a rendered text in which what the model reads of an image stands
 * there. Where texts of the request spell a place, it is text.
 */
final class ImagePlaces {
    private final RenderResult rendered;
    private final String placeholder;
    private final List<String> expansions;
    /** Where each place begins. */
    private final List<Integer> starts = new ArrayList<>();

    private ImagePlaces(RenderResult rendered, String placeholder, List<String> expansions) {
        this.rendered = rendered;
        this.placeholder = placeholder;
        this.expansions = expansions;
        int length = placeholder.length();
        for (int at = next(0); at >= 0; at = next(at + length)) {
            if (!rendered.outside().overlaps(at, at + length)) {
                starts.add(at);
            }
        }
    }

    private int next(int from) {
        return rendered.text().indexOf(placeholder, from);
    }

    /**
     * Puts the images in.
     *
     * @param expansions what stands for each of them
     * @throws UnsupportedFeatureException if the template has fewer places, or more
     */
    static RenderResult fill(RenderResult rendered, String placeholder, List<String> expansions) {
        ImagePlaces places = new ImagePlaces(rendered, placeholder, expansions);
        if (places.starts.size() != expansions.size()) {
            throw new UnsupportedFeatureException(
                    "images (" + expansions.size() + ") are not supported in these messages: the"
                            + " model's chat template has " + places.starts.size() + " places for them");
        }
        return places.filled();
    }

    private RenderResult filled() {
        StringBuilder text = new StringBuilder();
        int done = 0;
        for (int i = 0; i < starts.size(); i++) {
            text.append(rendered.text(), done, starts.get(i)).append(expansions.get(i));
            done = starts.get(i) + placeholder.length();
        }
        text.append(rendered.text(), done, rendered.text().length());
        int[] bounds = rendered.outside().bounds();
        for (int i = 0; i < bounds.length; i++) {
            bounds[i] = moved(bounds[i]);
        }
        List<RenderResult.Span> spans = rendered.spans().stream()
                .map(span -> new RenderResult.Span(span.element(), moved(span.start()), moved(span.end())))
                .toList();
        return new RenderResult(text.toString(), spans, TextRanges.of(bounds));
    }

    /** Where a position of the rendered text is now. */
    private int moved(int position) {
        int shift = 0;
        for (int i = 0; i < starts.size() && starts.get(i) < position; i++) {
            shift += expansions.get(i).length() - placeholder.length();
        }
        return position + shift;
    }
}
