package cluster

import (
	"errors"
	"fmt"
	"os"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Options are the user's choices for an instance.
type Options struct {
	Name    string
	Nodes   int
	APIOnly bool
	Audit   bool
	Images  []string // recipes to build and push while the cluster starts
}

// requireRoot: namespaces, mounts and cgroups need it.
func requireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("the sandbox needs root: try again with sudo")
	}
	return nil
}

// instanceOf makes the instance of a claim.
func instanceOf(claim machine.Claim) (plan.Instance, error) {
	self, err := os.Executable()
	if err != nil {
		return plan.Instance{}, fmt.Errorf("find this program: %w", err)
	}
	return plan.Instance{
		Name: claim.Name, Index: claim.Index, Nodes: claim.Nodes, RegistryPort: claim.RegistryPort,
		Cache: claim.Cache, Self: self, APIOnly: claim.APIOnly, Audit: claim.Audit,
	}, nil
}

// Find returns an instance that is up, or was when it broke.
func Find(name string) (plan.Instance, error) {
	claim, found, err := machine.FindClaim(name)
	if err != nil {
		return plan.Instance{}, err
	}
	if !found {
		return plan.Instance{}, fmt.Errorf("no sandbox %q runs on this machine; start it with: sandbox up --instance %s", name, name)
	}
	return instanceOf(claim)
}

// unclaimed is what can be known of an instance without a claim: enough to find its leftovers. It has no index, since that
// of the first is somebody else's.
func unclaimed(name, cache string) (plan.Instance, error) {
	i, err := instanceOf(machine.Claim{Name: name, Cache: cache, Nodes: 1, Index: plan.NoIndex})
	if err != nil {
		return plan.Instance{}, err
	}
	return i, i.Validate()
}

// claim returns the running instance if it is the one that is asked for, else a new one.
func claim(o Options, cache string) (i plan.Instance, isNew bool, err error) {
	want := machine.Claim{Name: o.Name, Cache: cache, Nodes: o.Nodes, APIOnly: o.APIOnly, Audit: o.Audit}
	probe, err := instanceOf(want)
	if err != nil {
		return plan.Instance{}, false, err
	}
	if err := probe.Validate(); err != nil {
		return plan.Instance{}, false, err
	}
	have, found, err := machine.FindClaim(o.Name)
	if err != nil {
		return plan.Instance{}, false, err
	}
	if found {
		want.Index, want.RegistryPort = have.Index, have.RegistryPort
		if have != want {
			return plan.Instance{}, false, fmt.Errorf("sandbox %q runs with other settings (nodes %d, API server only %v, audit %v, cache %s); "+
				"take it down first: sandbox down --instance %s", o.Name, have.Nodes, have.APIOnly, have.Audit, have.Cache, o.Name)
		}
		i, err = instanceOf(have)
		return i, false, err
	}
	made, err := machine.MakeClaim(want)
	if err != nil {
		return plan.Instance{}, false, err
	}
	i, err = instanceOf(made)
	return i, true, err
}
