/** From LangChain4j's messages and tools to prompt tokens. Entries: ChatTemplate, Prompt. */
@Internal
package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.Internal;
