package provisioner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Command is "sandbox provisioner".
func Command() *cobra.Command {
	var kubeconfig, dir string
	command := &cobra.Command{
		Use:   "provisioner",
		Short: "Make PersistentVolumes out of directories",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("read --kubeconfig: %w", err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return fmt.Errorf("connect to the API server: %w", err)
			}
			return Run(command.Context(), client, dir)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&dir, "dir", "", "directory of all volumes")
	return command
}

// Run provisions until the context ends.
func Run(ctx context.Context, client kubernetes.Interface, root string) error {
	if !filepath.IsAbs(root) {
		return errors.New("--dir must be an absolute path")
	}
	factory := informers.NewSharedInformerFactory(client, time.Minute)
	w := &world{
		client:  client,
		root:    root,
		claims:  factory.Core().V1().PersistentVolumeClaims().Lister(),
		volumes: factory.Core().V1().PersistentVolumes().Lister(),
		classes: factory.Storage().V1().StorageClasses().Lister(),
	}
	changed := make(chan struct{}, 1)
	wake := func(any) {
		select {
		case changed <- struct{}{}:
		default: // one is waiting already, and it will see this change too
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: wake, UpdateFunc: func(_, o any) { wake(o) }, DeleteFunc: wake}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().PersistentVolumeClaims().Informer(),
		factory.Core().V1().PersistentVolumes().Informer(),
		factory.Storage().V1().StorageClasses().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch: %w", err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			if err := w.pass(ctx); err != nil {
				slog.Warn("will try again", "error", err)
				time.AfterFunc(time.Second, func() { wake(nil) })
			}
		}
	}
}

// pass does all that the caches ask for; doing it twice is harmless.
func (w *world) pass(ctx context.Context) error {
	classes, err := w.ownClasses()
	if err != nil {
		return err
	}
	claims, err := w.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failed []error
	for _, claim := range claims {
		switch {
		case wantsVolume(claim, classes):
			failed = append(failed, w.provision(ctx, claim))
		case claim.Spec.VolumeName != "":
			failed = append(failed, w.grow(ctx, claim))
		}
	}
	volumes, err := w.volumes.List(labels.Everything())
	failed = append(failed, err)
	for _, volume := range volumes {
		if wantsRemoval(volume) {
			failed = append(failed, w.remove(ctx, volume))
		}
	}
	return errors.Join(failed...)
}

func (w *world) ownClasses() (map[string]bool, error) {
	classes, err := w.classes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, class := range classes {
		own[class.Name] = class.Provisioner == Name
	}
	return own, nil
}

func (w *world) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	volume := volumeFor(claim, w.root)
	if err := os.MkdirAll(volume.Spec.Local.Path, 0o777); err != nil {
		return fmt.Errorf("create the directory of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	// The process's umask must not decide who may write.
	if err := os.Chmod(volume.Spec.Local.Path, 0o777); err != nil {
		return fmt.Errorf("open the directory of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	_, err := w.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the volume of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}

func (w *world) grow(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	volume, err := w.volumes.Get(claim.Spec.VolumeName)
	if err != nil || volume.Annotations[provisionedBy] != Name || !wantsGrowth(claim, volume) {
		return nil // somebody else's, or not seen yet
	}
	wanted := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if capacity := volume.Spec.Capacity[corev1.ResourceStorage]; wanted.Cmp(capacity) > 0 {
		volume = volume.DeepCopy()
		volume.Spec.Capacity[corev1.ResourceStorage] = wanted
		if _, err := w.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("grow volume %s: %w", volume.Name, err)
		}
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: wanted}
	claim.Status.AllocatedResources, claim.Status.AllocatedResourceStatuses = nil, nil
	claim.Status.Conditions = nil
	if _, err := w.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("report the new size of claim %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	return nil
}

func (w *world) remove(ctx context.Context, volume *corev1.PersistentVolume) error {
	path := filepath.Clean(volume.Spec.Local.Path)
	if !strings.HasPrefix(path, filepath.Clean(w.root)+string(filepath.Separator)) {
		return fmt.Errorf("volume %s lies outside of %s and stays", volume.Name, w.root)
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove the directory of volume %s: %w", volume.Name, err)
	}
	err := w.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &volume.UID},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete volume %s: %w", volume.Name, err)
	}
	return nil
}
