/** MLX for Java: arrays, operations, tokenizers and pictures over mlx-c. */
module dev.langchain4j.mlx {
    requires com.fasterxml.jackson.core;

    exports dev.langchain4j.mlx;
    exports dev.langchain4j.mlx.image;
    exports dev.langchain4j.mlx.text;
}
