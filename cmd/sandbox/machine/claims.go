package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// A Claim says which instance uses which numbers on this machine. Claims live in /run, like what they stand for.
type Claim struct {
	Name         string `json:"name"`
	Cache        string `json:"cache"`
	Index        int    `json:"index"`
	Nodes        int    `json:"nodes"`
	RegistryPort int    `json:"registryPort"`
	APIOnly      bool   `json:"apiOnly,omitempty"`
	Audit        bool   `json:"audit,omitempty"`
}

func claimsFile() string { return filepath.Join(plan.RunRoot, "claims.json") }

// Claims returns all claims on the machine.
func Claims() ([]Claim, error) {
	text, err := os.ReadFile(claimsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the machine's claims: %w", err)
	}
	var claims []Claim
	if err := json.Unmarshal(text, &claims); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it when no sandbox runs: %w", claimsFile(), err)
	}
	return claims, nil
}

// FindClaim returns the claim of the instance of that name.
func FindClaim(name string) (claim Claim, found bool, err error) {
	claims, err := Claims()
	if err != nil {
		return Claim{}, false, err
	}
	at := slices.IndexFunc(claims, func(c Claim) bool { return c.Name == name })
	if at < 0 {
		return Claim{}, false, nil
	}
	return claims[at], true, nil
}

// MakeClaim returns the instance's claim, a new one with the lowest free numbers if it has none.
func MakeClaim(want Claim) (Claim, error) {
	unlock, err := Lock("claims")
	if err != nil {
		return Claim{}, err
	}
	defer unlock()
	claims, err := Claims()
	if err != nil {
		return Claim{}, err
	}
	claims = slices.DeleteFunc(claims, func(c Claim) bool { return c.Name == want.Name })
	if want.Index, err = freeIndex(claims, addresses()); err != nil {
		return Claim{}, err
	}
	if !want.APIOnly { // without nodes nobody pulls images
		if want.RegistryPort, err = freePort(claims, canListen); err != nil {
			return Claim{}, err
		}
	}
	return want, writeClaims(append(claims, want))
}

// DropClaim forgets an instance; left is how many others there are.
func DropClaim(name string) (left int, err error) {
	unlock, err := Lock("claims")
	if err != nil {
		return 0, err
	}
	defer unlock()
	claims, err := Claims()
	if err != nil {
		return 0, err
	}
	claims = slices.DeleteFunc(claims, func(c Claim) bool { return c.Name == name })
	if len(claims) > 0 {
		return len(claims), writeClaims(claims)
	}
	if err := os.Remove(claimsFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return 0, nil
}

func writeClaims(claims []Claim) error {
	text, err := json.MarshalIndent(claims, "", "  ")
	if err != nil {
		return fmt.Errorf("encode claims: %w", err)
	}
	temporary := claimsFile() + ".new"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return fmt.Errorf("write the machine's claims: %w", err)
	}
	return os.Rename(temporary, claimsFile())
}

// freeIndex skips numbers whose subnets the machine uses for something else.
func freeIndex(claims []Claim, used []net.IP) (int, error) {
	for index := range plan.MaxInstances {
		if slices.ContainsFunc(claims, func(c Claim) bool { return c.Index == index }) {
			continue
		}
		if !overlaps(plan.Instance{Index: index}, used) {
			return index, nil
		}
	}
	return 0, fmt.Errorf("no free subnet is left for another sandbox: take one down (\"sandbox status\" lists them)")
}

func overlaps(i plan.Instance, used []net.IP) bool {
	for _, cidr := range []string{i.PodCIDR(), i.ServiceRoute()} {
		_, subnet, err := net.ParseCIDR(cidr)
		if err != nil || slices.ContainsFunc(used, subnet.Contains) {
			return true
		}
	}
	return false
}

// addresses are the machine's own, without those of sandboxes whose claim got lost: "up" replaces their links.
func addresses() []net.IP {
	links, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []net.IP
	for _, link := range links {
		if len(link.Name) > 3 && link.Name[:3] == "ksb" {
			continue
		}
		addrs, err := link.Addrs()
		if err != nil {
			continue
		}
		for _, addr := range addrs {
			if subnet, ok := addr.(*net.IPNet); ok {
				found = append(found, subnet.IP)
			}
		}
	}
	return found
}

const firstRegistryPort = 5000

func freePort(claims []Claim, free func(int) bool) (int, error) {
	for port := firstRegistryPort; port < firstRegistryPort+100; port++ {
		taken := slices.ContainsFunc(claims, func(c Claim) bool { return c.RegistryPort == port })
		if !taken && free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port for the image registry on 127.0.0.1 between %d and %d", firstRegistryPort, firstRegistryPort+99)
}

func canListen(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}

// Lock keeps other runs of this program out until unlock is called or the process ends.
func Lock(name string) (unlock func(), err error) {
	if err := os.MkdirAll(plan.RunRoot, 0o755); err != nil {
		return nil, fmt.Errorf("create %s (the sandbox needs root): %w", plan.RunRoot, err)
	}
	file, err := os.OpenFile(filepath.Join(plan.RunRoot, name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock %q: %w", name, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("take the lock %q: %w", name, err)
	}
	return func() { _ = file.Close() }, nil
}
