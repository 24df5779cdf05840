package dev.langchain4j.model.mlx.prompt;

import java.util.LinkedHashMap;
import java.util.Map;

/** Chat templates of this project that refuse or drop what is out of order, each in a way of its own. */
public final class OddTemplates {
    public static final Map<String, String> ALL = new LinkedHashMap<>();

    private OddTemplates() {}

    static {
        // Turns alternate; calls and results do not count. IDs have nine letters.
        ALL.put("odd-alternating", """
                {%- set ns = namespace(index=0) -%}
                {%- for m in messages -%}
                {%- if m.role == 'user' or m.role == 'assistant' and not m.tool_calls -%}
                {%- if (m.role == 'user') != (ns.index % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif -%}
                {%- set ns.index = ns.index + 1 -%}
                {%- endif -%}
                {%- endfor -%}
                {{- bos_token -}}
                {%- for m in messages -%}
                {%- if m.role == 'user' -%}
                {{- '[AVAILABLE_TOOLS]' + tools | tojson + '[/AVAILABLE_TOOLS]' if tools and loop.last -}}
                {{- '[INST]' + m.content + '[/INST]' -}}
                {%- elif m.role == 'tool' -%}
                {%- if m.tool_call_id | length != 9 %}{{ raise_exception('ids have nine letters') }}{% endif -%}
                {{- '[TOOL_RESULTS]' + {'call_id': m.tool_call_id, 'content': m.content} | tojson + '[/TOOL_RESULTS]' -}}
                {%- elif m.tool_calls -%}
                {{- '[TOOL_CALLS] [' -}}
                {%- for call in m.tool_calls -%}
                {%- if call.id | length != 9 %}{{ raise_exception('ids have nine letters') }}{% endif -%}
                {{- (call.function | tojson)[:-1] + ', "id": "' + call.id + '"}' + ('' if loop.last else ', ') -}}
                {%- endfor -%}
                {{- ']' + eos_token -}}
                {%- elif m.role == 'assistant' -%}
                {%- if not m.content %}{{ raise_exception('an answer must have a text') }}{% endif -%}
                {{- ' ' + m.content + eos_token -}}
                {%- else -%}
                {{- raise_exception('no such role: ' + m.role) -}}
                {%- endif -%}
                {%- endfor -%}
                """);
        // Every call has its result, every result its call; arguments are objects.
        ALL.put("odd-paired", """
                {%- set ns = namespace(open=0) -%}
                {{- '<tools>' + tools | tojson + '</tools>' if tools -}}
                {%- for m in messages -%}
                {%- if m.role == 'tool' -%}
                {%- if ns.open == 0 %}{{ raise_exception('a result without a call') }}{% endif -%}
                {%- set ns.open = ns.open - 1 -%}
                {{- '<|im_start|>tool\n' + m.content + '<|im_end|>\n' -}}
                {%- else -%}
                {%- if ns.open > 0 %}{{ raise_exception('a call without a result') }}{% endif -%}
                {{- '<|im_start|>' + m.role + '\n' + m.content -}}
                {%- for call in m.tool_calls or [] -%}
                {%- set ns.open = ns.open + 1 -%}
                {{- '\n<tool_call>\n{"name": "' + call.function.name + '"' -}}
                {%- for key, value in call.function.arguments.items() %}{{ ', "' + key + '": ' + value | tojson }}{% endfor -%}
                {{- '}\n</tool_call>' -}}
                {%- endfor -%}
                {{- '<|im_end|>\n' -}}
                {%- endif -%}
                {%- endfor -%}
                {{- '<|im_start|>assistant\n' -}}
                """);
        // Takes the first message for a question whoever wrote it, drops results that follow no call, wants a question.
        ALL.put("odd-first-is-user", """
                {%- set ns = namespace(user=false, called=false) -%}
                {%- set rest = messages -%}
                {%- if messages[0].role == 'system' -%}
                {{- '<|system|>' + messages[0].content -}}
                {%- set rest = messages[1:] -%}
                {%- endif -%}
                {%- for m in rest if m.role == 'user' %}{% set ns.user = true %}{% endfor -%}
                {%- if not ns.user %}{{ raise_exception('no question found') }}{% endif -%}
                {{- '<|user|>' + ('<tools>' + tools | tojson + '</tools>' if tools else '') + rest[0].content + '<|end|>' -}}
                {%- for m in rest[1:] -%}
                {%- if m.role == 'tool' -%}
                {{- '<|tool|>' + m.content + '<|end|>' if ns.called -}}
                {%- elif m.role != 'system' -%}
                {%- set ns.called = false -%}
                {{- '<|' + m.role + '|>' + m.content -}}
                {%- for call in m.tool_calls or [] -%}
                {%- set ns.called = true -%}
                {{- '<tool_call>' + call.function | tojson + '</tool_call>' -}}
                {%- endfor -%}
                {{- '<|end|>' -}}
                {%- endif -%}
                {%- endfor -%}
                {{- '<|assistant|>' -}}
                """);
    }
}
