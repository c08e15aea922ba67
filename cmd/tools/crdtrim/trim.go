package main

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/packages"
)

// kinds are the Go types of the API, by version and name.
type kinds struct {
	packages []*packages.Package
	own      map[string]bool // package paths whose descriptions stay
}

func loadKinds(root, pattern string) (*kinds, error) {
	loaded, err := packages.Load(&packages.Config{
		Dir:  root,
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypesInfo,
	}, pattern)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", pattern, err)
	}
	k := &kinds{packages: loaded, own: map[string]bool{}}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("load %s: %w", p.PkgPath, p.Errors[0])
		}
		k.own[p.PkgPath] = true
	}
	return k, nil
}

func (k *kinds) find(version, kind string) (types.Type, error) {
	for _, p := range k.packages {
		if object := p.Types.Scope().Lookup(kind); p.Name == version && object != nil {
			return object.Type(), nil
		}
	}
	return nil, fmt.Errorf("no Go type for kind %s in version %s", kind, version)
}

func trimCRD(crd map[string]any, kinds *kinds) error {
	spec := object(crd, "spec")
	kind, _ := object(spec, "names")["kind"].(string)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		goType, err := kinds.find(name, kind)
		if err != nil {
			return err
		}
		kinds.trim(object(object(version, "schema"), "openAPIV3Schema"), goType)
	}
	return nil
}

// trim drops descriptions below a schema where its Go type is foreign. The schema's own description stays: it is the
// comment of the field that has this type.
func (k *kinds) trim(schema map[string]any, goType types.Type) {
	switch t := types.Unalias(goType).(type) {
	case *types.Pointer:
		k.trim(schema, t.Elem())
	case *types.Named:
		if !k.isOwn(t) {
			dropBelow(schema)
			return
		}
		k.trim(schema, t.Underlying())
	case *types.Slice:
		k.trimElement(object(schema, "items"), t.Elem())
	case *types.Map:
		k.trimElement(object(schema, "additionalProperties"), t.Elem())
	case *types.Struct:
		k.trimFields(object(schema, "properties"), t)
	}
}

// trimElement: an element has no field of its own, its description is that of its type.
func (k *kinds) trimElement(schema map[string]any, goType types.Type) {
	if named, ok := types.Unalias(goType).(*types.Named); ok && !k.isOwn(named) {
		delete(schema, "description")
	}
	k.trim(schema, goType)
}

func (k *kinds) trimFields(properties map[string]any, t *types.Struct) {
	for i := range t.NumFields() {
		name, inline := jsonName(t.Tag(i))
		field := types.Unalias(t.Field(i).Type())
		if !inline {
			k.trim(object(properties, name), field)
			continue
		}
		named, isNamed := field.(*types.Named)
		if !isNamed {
			continue
		}
		if embedded, isStruct := named.Underlying().(*types.Struct); isStruct {
			k.trimInline(properties, named, embedded)
		}
	}
}

func (k *kinds) trimInline(properties map[string]any, named *types.Named, embedded *types.Struct) {
	if k.isOwn(named) {
		k.trimFields(properties, embedded)
		return
	}
	for i := range embedded.NumFields() {
		name, _ := jsonName(embedded.Tag(i))
		field := object(properties, name)
		delete(field, "description")
		dropBelow(field)
	}
}

func (k *kinds) isOwn(t *types.Named) bool {
	return t.Obj().Pkg() == nil || k.own[t.Obj().Pkg().Path()]
}

// jsonName returns a field's name on the wire, and whether its own fields stand in its place.
func jsonName(tag string) (name string, inline bool) {
	name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	return name, name == "" && strings.Contains(options, "inline")
}

// dropBelow removes every description inside a schema, but not the schema's own.
func dropBelow(schema map[string]any) {
	for _, property := range object(schema, "properties") {
		dropAll(property)
	}
	dropAll(schema["items"])
	dropAll(schema["additionalProperties"])
}

func dropAll(schema any) {
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	delete(s, "description")
	dropBelow(s)
}

// object returns a nested object, or an empty one that belongs to nobody.
func object(parent map[string]any, key string) map[string]any {
	child, ok := parent[key].(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return child
}
