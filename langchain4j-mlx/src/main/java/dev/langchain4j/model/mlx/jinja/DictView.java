package dev.langchain4j.model.mlx.jinja;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** What {@code keys()}, {@code values()} and {@code items()} of a dict give: sized and iterable, without indexes. */
record DictView(Part part, Dict dict) {

    enum Part {
        KEYS("dict_keys"),
        VALUES("dict_values"),
        ITEMS("dict_items");

        final String type;

        Part(String type) {
            this.type = type;
        }
    }

    List<Object> list() {
        return switch (part) {
            case KEYS -> counted(dict.keySet());
            case VALUES -> counted(dict.values());
            case ITEMS -> items(dict);
        };
    }

    private static List<Object> counted(Collection<Object> items) {
        Budget.current().elements(items.size());
        return new ArrayList<>(items);
    }

    static List<Object> items(Dict dict) {
        Budget.current().elements(4L * dict.size());
        List<Object> items = new ArrayList<>(dict.size());
        for (Map.Entry<Object, Object> entry : dict.entrySet()) {
            items.add(new Tuple(entry.getKey(), entry.getValue()));
        }
        return items;
    }
}
