package kube

import (
	"context"
	"fmt"
)

// Gate is asked right before each request that changes something; its error is why nothing may be changed now. A daemon that
// was stopped for a while and goes on must not write beside its successor, whatever its context says.
type Gate func() error

// begin waits until a request that changes an object may begin, and asks the gate only then: the wait may be long. It must be
// followed by end, unless it fails.
func (c *Client) begin(ctx context.Context, verb string, object Object) error {
	if err := c.calls.enter(ctx, clusterOf(object)); err != nil {
		return err
	}
	if err := c.through(verb, object); err != nil {
		c.end(object)
		return err
	}
	return nil
}

// through is the error of a change that may not be sent now.
func (c *Client) through(verb string, object Object) error {
	if err := c.gate(); err != nil {
		return fmt.Errorf("%s %s is not sent: %w", verb, describe(object), err)
	}
	return nil
}

// end ends a request that begin began.
func (c *Client) end(object Object) { c.calls.leave(clusterOf(object)) }
