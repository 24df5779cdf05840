package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * Pictures of Idefics 3 and SmolVLM: brought to a longest edge, cut into square tiles, and the whole picture, squashed
 * to one tile, behind them.
 *
 * @param edge the longest edge
 * @param tile side of a tile
 * @param tokens of each tile
 */
record Idefics3Images(
        int edge,
        int tile,
        boolean splits,
        int tokens,
        Resampler resampler,
        PixelScale scale,
        String token,
        String around,
        String whole,
        int imageToken)
        implements ImageProcessor {
    private static final int EDGE_MAX = 4096;

    static Idefics3Images of(ProcessorFiles files) {
        return new Idefics3Images(
                files.side("size", "longest_edge", 4 * 364),
                files.side("max_image_size", "longest_edge", 364),
                files.image().flag("do_image_splitting", true),
                files.processor().count("image_seq_len", modelTokens(files)),
                files.resampler(Resampler.LANCZOS),
                PixelScale.of(files.image(), PixelScale.HALVES),
                files.token("image_token", "<image>"),
                files.token("fake_image_token", "<fake_token_around_image>"),
                files.token("global_image_token", "<global-img>"),
                files.imageToken(128_257));
    }

    /** What the model makes of a tile. */
    private static int modelTokens(ProcessorFiles files) {
        int patches = files.vision().count("image_size", 364) / files.vision().count("patch_size", 14);
        int side = patches / files.config().count("scale_factor", 2);
        return side * side;
    }

    @Override
    public ProcessedImage process(RgbImage image, ImageBudget budget) {
        RgbImage sized = toEdge(image);
        RgbImage whole = splits ? toTiles(sized) : PixelScale.resized(sized, tile, tile, resampler);
        int rows = whole.height() / tile;
        int columns = whole.width() / tile;
        if (rows * columns == 1) {
            rows = 0;
            columns = 0;
        }
        int tiles = rows * columns + 1;
        float[] pixels = new float[3 * tiles * tile * tile];
        int out = 0;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++, out += 3 * tile * tile) {
                scale.planes(whole, row * tile, column * tile, tile, tile, pixels, out);
            }
        }
        scale.planes(PixelScale.resized(whole, tile, tile, resampler), 0, 0, tile, tile, pixels, out);
        return new ProcessedImage(
                pixels,
                new int[] {tiles, 3, tile, tile},
                new int[] {rows, columns},
                whole.height(),
                whole.width(),
                tiles * tokens,
                "idefics3 " + edge + " " + tile + " " + splits + " " + resampler + " " + scale.settings());
    }

    /** The longer side becomes the longest edge, larger or smaller; the other one is made even. */
    private RgbImage toEdge(RgbImage image) {
        double ratio = (double) image.width() / image.height();
        boolean wide = image.width() >= image.height();
        int other = (int) (wide ? edge / ratio : edge * ratio);
        other += other % 2;
        int height = Math.max(1, wide ? other : edge);
        int width = Math.max(1, wide ? edge : other);
        if (edge > EDGE_MAX) {
            ratio = (double) width / height;
            height = wide ? (int) (EDGE_MAX / ratio) : EDGE_MAX;
            width = wide ? EDGE_MAX : (int) (EDGE_MAX * ratio);
        }
        return PixelScale.resized(image, Math.max(1, height), Math.max(1, width), resampler);
    }

    /** Both sides become whole tiles. */
    private RgbImage toTiles(RgbImage image) {
        double ratio = (double) image.width() / image.height();
        boolean wide = image.width() >= image.height();
        int longer = up(wide ? image.width() : image.height());
        int other = up((int) (wide ? longer / ratio : longer * ratio));
        if (other == 0) {
            throw new InvalidRequestException("it is " + image.width() + " x " + image.height()
                    + " pixels when it is resized, of which no tile of " + tile + " can be cut");
        }
        return wide
                ? PixelScale.resized(image, other, longer, resampler)
                : PixelScale.resized(image, longer, other, resampler);
    }

    private int up(int side) {
        return Math.ceilDiv(side, tile) * tile;
    }

    @Override
    public String placeholder() {
        return token;
    }

    @Override
    public String expansion(ProcessedImage image) {
        String tileTokens = token.repeat(tokens);
        String all = around + whole + tileTokens + around;
        int rows = image.grid()[0];
        if (rows == 0) {
            return all;
        }
        StringBuilder text = new StringBuilder();
        for (int row = 1; row <= rows; row++) {
            for (int column = 1; column <= image.grid()[1]; column++) {
                text.append(around)
                        .append("<row_" + row + "_col_" + column + ">")
                        .append(tileTokens);
            }
            text.append("\n");
        }
        return text.append("\n").append(all).toString();
    }
}
