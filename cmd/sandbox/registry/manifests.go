package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// manifests remembers each accepted manifest in a file.
type manifests struct {
	dir  string
	next http.Handler
	mu   sync.Mutex // one file at a time: their numbers give the order
}

// A stored manifest is the request that brought it.
type stored struct {
	Path string `json:"path"`
	Type string `json:"type"`
	Body []byte `json:"body"`
}

func (m *manifests) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
		m.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "read the manifest: "+err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next.ServeHTTP(answer, r)
	if answer.Code == http.StatusCreated {
		err := m.save(stored{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Body: body})
		if err != nil {
			http.Error(w, "store the manifest: "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (m *manifests) save(s stored) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	name := filepath.Join(m.dir, url.PathEscape(s.Path)+".json")
	if err := os.WriteFile(name+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// replay gives the library what an earlier process took. An index is refused before its parts are there, so it comes
// last; what is refused all the same has lost its blobs and is forgotten.
func (m *manifests) replay() error {
	all, err := m.load()
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b stored) int { return indexRank(a) - indexRank(b) })
	for _, s := range all {
		request := httptest.NewRequest(http.MethodPut, s.Path, bytes.NewReader(s.Body))
		request.Header.Set("Content-Type", s.Type)
		m.next.ServeHTTP(httptest.NewRecorder(), request)
	}
	return nil
}

func indexRank(s stored) int {
	if strings.Contains(s.Type, "index") || strings.Contains(s.Type, "manifest.list") {
		return 1
	}
	return 0
}

func (m *manifests) load() ([]stored, error) {
	entries, err := os.ReadDir(m.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, os.MkdirAll(m.dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("list stored manifests: %w", err)
	}
	var all []stored
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".json" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read a stored manifest: %w", err)
		}
		var s stored
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("the stored manifest %s is damaged; remove it and push the image again: %w", entry.Name(), err)
		}
		all = append(all, s)
	}
	return all, nil
}
