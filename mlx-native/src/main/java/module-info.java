/** MLX for Java: arrays, operations and tokenizers over mlx-c. */
module dev.langchain4j.mlx {
    requires com.fasterxml.jackson.core;

    exports dev.langchain4j.mlx;
    exports dev.langchain4j.mlx.text;
}
