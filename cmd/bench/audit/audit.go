package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Request is one request to the API server.
type Request struct {
	UserAgent string
	Verb      string
	// Resource is the plural name, with the subresource after a slash.
	Resource string
	At       time.Time
	Code     int
}

// line is the part of an audit.k8s.io/v1 Event that is read.
type line struct {
	AuditID   string `json:"auditID"`
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	URI       string `json:"requestURI"`
	ObjectRef *struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

func (l line) request() Request {
	r := Request{UserAgent: l.UserAgent, Verb: l.Verb, Resource: l.URI, At: l.Received, Code: l.Response.Code}
	if l.ObjectRef != nil {
		r.Resource = l.ObjectRef.Resource
		if l.ObjectRef.Subresource != "" {
			r.Resource += "/" + l.ObjectRef.Subresource
		}
	}
	return r
}

// Read returns the requests of one client. A request that the log mentions at several stages counts once. The last
// line is left out when the server is still writing it.
func Read(log io.Reader, userAgent string) ([]Request, error) {
	reader := bufio.NewReaderSize(log, 1<<16)
	seen := map[string]bool{}
	var requests []Request
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return requests, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if !bytes.Contains(text, []byte(userAgent)) { // most lines are other clients'
			continue
		}
		var entry line
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil, fmt.Errorf("line %d of the audit log: %w", number, err)
		}
		if entry.UserAgent != userAgent || seen[entry.AuditID] {
			continue
		}
		seen[entry.AuditID] = true
		requests = append(requests, entry.request())
	}
}

// Between keeps what the server received from the first moment up to the second.
func Between(requests []Request, from, until time.Time) []Request {
	var kept []Request
	for _, r := range requests {
		if !r.At.Before(from) && !r.At.After(until) {
			kept = append(kept, r)
		}
	}
	return kept
}
