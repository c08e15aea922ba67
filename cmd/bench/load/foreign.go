package load

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// foreignBytes is how much each foreign ConfigMap and Secret holds.
const foreignBytes = 1024

// WriteForeign writes count Pods, count ConfigMaps and count Secrets that have nothing to do with Kafka.
func WriteForeign(ctx context.Context, core kubernetes.Interface, namespace string, count int) error {
	objects := make([]object, 0, 3*count)
	for i := range count {
		for _, of := range []func(string, int) (object, error){foreignPod, foreignConfig, foreignSecret} {
			o, err := of(namespace, i)
			if err != nil {
				return err
			}
			objects = append(objects, o)
		}
	}
	return write(ctx, core, objects, Parallel)
}

// WarmUp writes a few objects of each kind that is measured, so that no measurement pays for a server's first requests.
func WarmUp(ctx context.Context, core kubernetes.Interface, namespace string) error {
	return WriteForeign(ctx, core, namespace, 50)
}

func foreignMeta(namespace string, i int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: fmt.Sprintf("foreign-%d", i),
		Labels: map[string]string{"app": "foreign", "instance": fmt.Sprint(i)},
	}
}

func foreignPod(namespace string, i int) (object, error) {
	meta := foreignMeta(namespace, i)
	return newObject(pods, namespace, meta.Name, &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: meta,
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "main", Image: "registry.invalid/foreign:1",
			Env: []corev1.EnvVar{{Name: "TEXT", Value: strings.Repeat("x", foreignBytes)}},
		}}},
	})
}

func foreignConfig(namespace string, i int) (object, error) {
	meta := foreignMeta(namespace, i)
	return newObject(configs, namespace, meta.Name, &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta,
		Data: map[string]string{"text": strings.Repeat("x", foreignBytes)},
	})
}

func foreignSecret(namespace string, i int) (object, error) {
	meta := foreignMeta(namespace, i)
	return newObject("secrets", namespace, meta.Name, &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta,
		Data: map[string][]byte{"text": []byte(strings.Repeat("x", foreignBytes))},
	})
}
