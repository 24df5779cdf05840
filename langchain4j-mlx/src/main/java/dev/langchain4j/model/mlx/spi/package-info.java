/** Where frameworks take the place of builders, as in LangChain4j's own modules. */
package dev.langchain4j.model.mlx.spi;
