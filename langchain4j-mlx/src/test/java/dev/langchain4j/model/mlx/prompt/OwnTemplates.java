package dev.langchain4j.model.mlx.prompt;

import java.util.LinkedHashMap;
import java.util.Map;

/** Chat templates of this project that stand for families: how they write calls, reasoning and ends of turns. */
final class OwnTemplates {
    static final Map<String, String> ALL = new LinkedHashMap<>();

    private OwnTemplates() {}

    static {
        // Calls between tags, reasoning kept since the last question, opened by the model itself.
        ALL.put("tags", """
                {%- set ns = namespace(last=-1) -%}
                {%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor -%}
                {%- if tools %}{{ '<|im_start|>tools\\n' + tools | tojson + '<|im_end|>\\n' }}{% endif -%}
                {%- for m in messages -%}
                {{- '<|im_start|>' + m.role + '\\n' -}}
                {%- if m.role == 'assistant' and loop.index0 > ns.last and m.reasoning_content -%}
                {{- '<think>\\n' + m.reasoning_content + '\\n</think>\\n\\n' -}}
                {%- endif -%}
                {{- m.content -}}
                {%- for call in m.tool_calls or [] -%}
                {{- '\\n<tool_call>\\n' + call.function | tojson + '\\n</tool_call>' -}}
                {%- endfor -%}
                {{- '<|im_end|>\\n' -}}
                {%- endfor -%}
                {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif -%}
                {%- if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif -%}
                """);
        // One object with the key "parameters", texts trimmed, a header for each role.
        ALL.put("object", """
                {{- bos_token -}}
                {%- for m in messages -%}
                {{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' -}}
                {%- if loop.first and tools %}{{ 'In the form {"name": .., "parameters": dictionary}: ' + tools | tojson }}{% endif -%}
                {%- if m.tool_calls -%}
                {{- '<|python_tag|>' if false -}}
                {%- set call = m.tool_calls[0].function -%}
                {{- '{"name": "' + call.name + '", "parameters": ' + call.arguments | tojson + '}' -}}
                {%- else -%}
                {{- m.content | trim -}}
                {%- endif -%}
                {{- '<|eot_id|>' -}}
                {%- endfor -%}
                {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
                """);
        // A list of calls with IDs behind a marker, no opening of an answer at all.
        ALL.put("list", """
                {{- bos_token -}}
                {%- for m in messages -%}
                {%- if m.role == 'user' -%}
                {{- '[AVAILABLE_TOOLS]' + tools | tojson + '[/AVAILABLE_TOOLS]' if tools and loop.index0 < 2 -}}
                {{- '[INST]' + m.content + '[/INST]' -}}
                {%- elif m.role == 'system' -%}
                {{- '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' -}}
                {%- elif m.role == 'tool' -%}
                {{- '[TOOL_RESULTS]' + {'call_id': m.tool_call_id, 'content': m.content} | tojson + '[/TOOL_RESULTS]' -}}
                {%- elif m.tool_calls -%}
                {{- '[TOOL_CALLS] [' -}}
                {%- for call in m.tool_calls -%}
                {{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' + ('' if loop.last else ', ') -}}
                {%- endfor -%}
                {{- ']' + eos_token -}}
                {%- else -%}
                {{- ' ' + m.content + eos_token -}}
                {%- endif -%}
                {%- endfor -%}
                """);
        // System message and tools before the last user message, so that a new one changes what stands before it.
        ALL.put("moved", """
                {%- set users = messages | selectattr('role', 'equalto', 'user') | list -%}
                {{- bos_token -}}
                {%- for m in messages -%}
                {%- if m.role == 'user' -%}
                {{- '[AVAILABLE_TOOLS]' + tools | tojson + '[/AVAILABLE_TOOLS]' if tools and m == users[-1] else '' -}}
                {{- '[INST]' + (messages[0].content + '\n' if loop.last and messages[0].role == 'system' else '') + m.content + '[/INST]' -}}
                {%- elif m.role == 'tool' -%}
                {{- '[TOOL_RESULTS]' + {'call_id': m.tool_call_id, 'content': m.content} | tojson + '[/TOOL_RESULTS]' -}}
                {%- elif m.tool_calls -%}
                {{- '[TOOL_CALLS]' -}}
                {%- for call in m.tool_calls %}{{ call.function.name + '[ARGS]' + call.function.arguments | tojson }}{% endfor -%}
                {{- eos_token -}}
                {%- elif m.role == 'assistant' -%}
                {{- m.content + eos_token -}}
                {%- endif -%}
                {%- endfor -%}
                """);
        // All messages written by a macro, an answer opened within the loop, reasoning always kept.
        ALL.put("macro", """
                {%- macro turn(m) -%}
                {{- '<|turn|>' + m.role + '\\n' -}}
                {%- if m.role == 'assistant' %}{{ '<think>\\n' + (m.thinking or '') + '\\n</think>\\n' }}{% endif -%}
                {{- m.content -}}
                {%- for call in m.tool_calls or [] -%}
                {{- '<tool_call>' + call.function | tojson + '</tool_call>' -}}
                {%- endfor -%}
                {{- '<|end|>' -}}
                {%- endmacro -%}
                {{- (tools | tojson) if tools -}}
                {%- for m in messages -%}
                {{- turn(m) -}}
                {%- if loop.last %}{{ '<|turn|>assistant\\n<think>\\n' }}{% endif -%}
                {%- endfor -%}
                """);
    }
}
